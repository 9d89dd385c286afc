import { describe, expect, it } from '@jest/globals';
import { drillCalls } from './every-call.ts';
import type { Fault } from './faults.ts';

/** Every second of them in CI; a sample, another part of the calls for each fault, where time is short. */
const STRIDE = process.env['SLUICE_DRILL'] === 'full' ? 2 : 16;

// In a file of its own for each mode, so that two processes share the work.
/** The hardest of each kind: the others meet the same calls when files are appended. */
const FAULTS: Fault[] = ['busy-after', 'denied', 'killed-after', 'abandoned', 'stopped'];

describe('a fault at every call of a load that replaces what an object brought before', () => {
  it.each(FAULTS)(
    '%s',
    async (fault) => {
      expect(await drillCalls('replace', fault, STRIDE, FAULTS.indexOf(fault))).toEqual([]);
    },
    600_000,
  );
});
