import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { QuarantineInput } from '../../functions/quarantine/input.ts';
import { loadDefinition } from '../../local/machine.ts';

interface State {
  Catch?: { ResultPath?: string | null; Next: string }[];
  ItemProcessor?: { States: Record<string, State> };
  Parameters?: Record<string, unknown>;
}

const definition = await loadDefinition(join(import.meta.dirname, '..', '..', 'statemachines', 'load.asl.yml'));
const states = Object.entries(definition.machine.States as Record<string, State>);
const caught = states.filter(([, state]) => state.Catch?.some(({ Next }) => Next === 'QuarantineRun'));
const inMaps = states.flatMap(([, state]) => Object.entries(state.ItemProcessor?.States ?? {}));
const quarantining = inMaps.filter(([name]) => name.startsWith('Quarantine'));

describe('what a failed state hands to quarantine', () => {
  it.each(caught.map(([name, state]) => ({ name, state })))('is told under its name: $name', ({ name, state }) => {
    const paths = state.Catch!.filter(({ Next }) => Next === 'QuarantineRun').map(({ ResultPath }) => ResultPath);
    expect(paths).toEqual([`$.error.${name}`]);
  });

  it.each(quarantining.map(([name, state]) => ({ name, state })))('is taken by it: $name', ({ state }) => {
    const { Parameters: given = {} } = state;
    const event = {
      scope: given['scope'],
      step: given['step'],
      run: 'r',
      task: 't',
      at: { key: 'k', start: 0, end: 1 },
    };
    expect(QuarantineInput.parse({ ...event, error: { Error: 'BadInput' } })).toMatchObject({ scope: 'task' });
  });

  it('comes from every Map', () => {
    expect(caught.length).toBeGreaterThan(8);
    expect(quarantining).toHaveLength(states.filter(([, state]) => state.ItemProcessor).length);
  });
});
