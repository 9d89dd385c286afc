import { describe, expect, it } from '@jest/globals';
import type { EventFields, ItemPlace, MachineEvent } from '../../local/machine/events.ts';
import { type ProgressOptions, progress } from '../../local/progress.ts';

const ERASE = '\r\u001b[2K';

/** What a terminal or file would have received for these events, `[milliseconds, fields, item]` each. */
function written(events: [number, EventFields, ItemPlace?][], options: Partial<ProgressOptions> = {}): string {
  let text = '';
  const keep = (more: string) => {
    text += more;
  };
  const shown = progress({
    stream: { write: (more) => keep(more) },
    tty: false,
    quiet: false,
    color: false,
    ...options,
  });
  for (const [ms, fields, item] of events) {
    shown.onEvent({ ...fields, execution: 'run', at: new Date(ms), ...(item ? { item } : {}) } as MachineEvent);
  }
  shown.stop();
  return text;
}

const enter = (state: string, stateType: 'Task' | 'Map' | 'Choice' | 'Wait' = 'Task'): EventFields => ({
  type: 'StateEntered',
  state,
  stateType,
});
const exit = (state: string, stateType: 'Task' | 'Map' | 'Choice' = 'Task'): EventFields => ({
  type: 'StateExited',
  state,
  stateType,
});
const item = (index: number, caught = false): EventFields => ({
  type: 'ItemEnded',
  state: 'ConvertEach',
  index,
  status: 'SUCCEEDED',
  caught,
});

const CONVERT: [number, EventFields, ItemPlace?][] = [
  [0, { type: 'ExecutionStarted' }],
  [0, enter('ListLatest')],
  [1500, exit('ListLatest')],
  [1500, enter('AnythingToLoad', 'Choice')],
  [1500, exit('AnythingToLoad', 'Choice')],
  [2000, enter('ConvertEach', 'Map')],
  [2000, { type: 'MapStarted', state: 'ConvertEach', items: 4 }],
  [2000, enter('Convert'), { map: 'ConvertEach', index: 0 }],
  [2001, item(0)],
  [2200, item(1, true)],
  [2201, item(2)],
  [2202, item(3)],
  [2300, { type: 'MapEnded', state: 'ConvertEach', items: 4, failed: 0, caught: 1 }],
  [2400, exit('ConvertEach', 'Map')],
];

describe('progress', () => {
  it('is one line a step where it is not read on a terminal, with nothing that moves', () => {
    expect(written(CONVERT)).toBe('✓ list latest in 1.5 s\n✓ convert: 4/4, 1 failed in 0.4 s\n');
  });

  it('is nothing at all when quiet', () => {
    expect(written(CONVERT, { quiet: true, tty: true })).toBe('');
  });

  it('redraws a bar on a terminal, not faster than eyes follow, and the last item at once', () => {
    const lines = written(CONVERT, { tty: true }).split(ERASE);
    expect(lines).toEqual([
      '',
      '  list latest …',
      '✓ list latest in 1.5 s\n',
      '  convert …',
      `  convert ${'░'.repeat(24)} 0/4 0.0 s`,
      // The item at 1 ms is too soon.
      `  convert ${'█'.repeat(12)}${'░'.repeat(12)} 2/4, 1 failed 0.2 s`,
      `  convert ${'█'.repeat(24)} 4/4, 1 failed 0.2 s`,
      '✓ convert: 4/4, 1 failed in 0.4 s\n',
    ]);
  });

  it('takes the bar away when it is stopped in the middle', () => {
    expect(written(CONVERT.slice(0, 7), { tty: true }).endsWith(ERASE)).toBe(true);
  });

  it('draws no line that the terminal would wrap, and a full bar over nothing', () => {
    const empty: typeof CONVERT = [
      [0, enter('ConvertEach', 'Map')],
      [0, { type: 'MapStarted', state: 'ConvertEach', items: 0 }],
    ];
    let text = '';
    const keep = (more: string) => {
      text += more;
    };
    const shown = progress({ stream: { write: (more) => keep(more), columns: 20 }, tty: true, quiet: false });
    for (const [ms, fields] of empty) shown.onEvent({ ...fields, execution: 'run', at: new Date(ms) } as MachineEvent);
    expect(text.split(ERASE).at(-1)).toBe(`  convert ${'█'.repeat(9)}`);
  });

  it('has colours on a terminal, unless NO_COLOR says otherwise', () => {
    const before = process.env['NO_COLOR'];
    try {
      delete process.env['NO_COLOR'];
      expect(written(CONVERT, { tty: true, color: undefined })).toContain('\u001b[32m✓');
      expect(written(CONVERT, { tty: false, color: undefined })).not.toContain('\u001b');
      process.env['NO_COLOR'] = '1';
      expect(written(CONVERT, { tty: true, color: undefined })).not.toContain('\u001b[32m');
    } finally {
      if (before === undefined) delete process.env['NO_COLOR'];
      else process.env['NO_COLOR'] = before;
    }
  });

  it('tells of waits, retries, and what a step failed of', () => {
    const cause = JSON.stringify({ errorType: 'BadInput', errorMessage: 'row 3\u001b[2J is bad' });
    const text = written([
      [0, enter('Plan')],
      [0, { type: 'StateRetried', state: 'Plan', retrier: 0, attempt: 1, delaySeconds: 2, error: 'CatalogConflict' }],
      [9, { type: 'StateCaught', state: 'Plan', catcher: 0, next: 'QuarantineRun', error: 'BadInput', cause }],
      [9, exit('Plan')],
      [9, enter('Grace', 'Wait')],
      [9, { type: 'WaitStarted', state: 'Grace', seconds: 3600 }],
      [3_600_009, exit('Grace')],
      [3_600_009, enter('Pause', 'Wait')],
      [3_600_009, { type: 'WaitStarted', state: 'Pause', seconds: 0 }],
      [3_600_009, exit('Pause')],
      [3_600_009, { type: 'SuccessorStarted', name: 'next' }],
    ]);
    expect(text.split('\n')).toEqual([
      '! plan: CatalogConflict, trying again in 2.0 s',
      '✗ plan: BadInput: row 3 [2J is bad',
      '… grace: 60 min 0 s',
      '✓ grace in 60 min 0 s',
      '… another run took over: next',
      '',
    ]);
  });
});
