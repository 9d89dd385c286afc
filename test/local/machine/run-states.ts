import { parseDefinition } from '../../../local/machine/definition.ts';
import { type ExecutionResult, type MachineEvent, type RunOptions, runMachine } from '../../../local/machine.ts';
import { memoryObjectStore } from '../../doubles/memory-object-store.ts';

export interface Outcome {
  result: ExecutionResult;
  events: MachineEvent[];
  /** What the machine paused for, in seconds. */
  slept: number[];
}

/** Runs states that start at the first, without really pausing. `Resource: X` calls the handler X. */
export async function runStates(states: object, options: Partial<RunOptions> = {}): Promise<Outcome> {
  const events: MachineEvent[] = [];
  const slept: number[] = [];
  let ids = 0;
  const result = await runMachine({
    definition: parseDefinition(JSON.stringify({ StartAt: Object.keys(states)[0], States: states }), 'test.yml'),
    handlers: {},
    objects: memoryObjectStore(),
    input: {},
    name: 'run',
    startTime: '2026-03-01T00:00:00.000Z',
    clock: { now: () => new Date('2026-03-02T00:00:00Z') },
    onEvent: (event) => events.push(event),
    sleep: async (ms) => {
      slept.push(ms / 1000);
    },
    random: () => 0.5,
    newId: () => `id-${++ids}`,
    ...options,
  });
  return { result, events, slept };
}

export function task(Resource: string, more: object = {}): object {
  return { Type: 'Task', Resource, TimeoutSeconds: 60, ...more };
}

/** An error with a name, as steps throw them. */
export function named(name: string, message = 'no'): Error {
  return Object.assign(new Error(message), { name });
}
