import { describe, expect, it } from '@jest/globals';
import { drillCalls } from './every-call.ts';
import { FAULTS } from './faults.ts';

/** All of them in CI; a sample, another part of the calls for each fault, where time is short. */
const STRIDE = process.env['SLUICE_DRILL'] === 'full' ? 1 : 16;

// In a file of its own for each mode, so that two processes share the work.
describe('a fault at every call of a load that overwrites partitions', () => {
  it.each(FAULTS)(
    '%s',
    async (fault) => {
      expect(await drillCalls('overwrite-partitions', fault, STRIDE, FAULTS.indexOf(fault))).toEqual([]);
    },
    600_000,
  );
});
