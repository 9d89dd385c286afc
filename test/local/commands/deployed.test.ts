import { describe, expect, it } from '@jest/globals';
import { followExecution } from '../../../local/commands/deployed.ts';
import type { DeployedMachine, Happening } from '../../../shared/adapters/sfn-deployed.ts';

const at = new Date('2026-01-02T03:04:05Z');
const happening = (
  id: number,
  what: Happening['what'],
  state: string,
  kind: Happening['kind'],
  mapRunArn?: string,
) => ({
  ...{ id, at, what, state, kind },
  ...(mapRunArn === undefined ? {} : { mapRunArn }),
});

/** An execution that comes on by one look after another. */
function machine(looks: { status: 'RUNNING' | 'SUCCEEDED' | 'FAILED'; upTo: number; done: number }[]): DeployedMachine {
  const all: Happening[] = [
    happening(1, 'entered', 'ListLatest', 'Task'),
    happening(2, 'exited', 'ListLatest', 'Task'),
    happening(3, 'entered', 'ReadEach', 'Map'),
    happening(4, 'map', 'ReadEach', 'Map', 'run'),
    happening(9, 'exited', 'ReadEach', 'Map'),
  ];
  let look = -1;
  return {
    start: async () => 'arn',
    status: async () => {
      look++;
      const { status } = looks[look]!;
      return status === 'FAILED' ? { status, error: 'BadInput', cause: '{"errorMessage":"row 3"}' } : { status };
    },
    happenings: async (_, after) => all.filter(({ id }) => id > after && id <= looks[look]!.upTo),
    mapRun: async () => ({ total: 4, succeeded: looks[look]!.done, failed: 0 }),
  };
}

async function watch(looks: Parameters<typeof machine>[0], json = false) {
  const lines: string[] = [];
  const errors: string[] = [];
  const write = process.stderr.write;
  process.stderr.write = ((text: string) => errors.push(text)) as unknown as typeof write;
  try {
    const output = { json, quiet: false, out: (text: string) => lines.push(text), err: () => undefined };
    const invocation = { home: '.', tty: false, signal: new AbortController().signal, output };
    const code = await followExecution(invocation as never, machine(looks), 'arn', async () => true);
    return { code, lines, errors: errors.join('') };
  } finally {
    process.stderr.write = write;
  }
}

describe('following an execution', () => {
  it('tells of each step once, with the items of its Map, and ends with it', async () => {
    const { code, lines, errors } = await watch([
      { status: 'RUNNING', upTo: 2, done: 0 },
      { status: 'RUNNING', upTo: 4, done: 1 },
      { status: 'RUNNING', upTo: 4, done: 3 },
      { status: 'SUCCEEDED', upTo: 9, done: 4 },
    ]);
    expect(code).toBe(0);
    expect(lines.join('\n')).toContain('succeeded');
    expect(errors.match(/list latest/g)).toHaveLength(1);
    expect(errors).toContain('read: 4/4');
  });

  it('fails as the execution does, with its error', async () => {
    const { code, lines } = await watch([{ status: 'FAILED', upTo: 2, done: 0 }]);
    expect(code).toBe(1);
    expect(lines.join('\n')).toContain('BadInput');
  });

  it('prints JSON if asked', async () => {
    const { lines } = await watch([{ status: 'SUCCEEDED', upTo: 2, done: 0 }], true);
    expect(JSON.parse(lines[0]!)).toEqual({ execution: 'arn', status: 'SUCCEEDED' });
  });
});
