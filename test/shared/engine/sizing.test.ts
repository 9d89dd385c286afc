import { describe, expect, it } from '@jest/globals';
import { sizingOf } from '../../../shared/engine/sizing.ts';

const MiB = 1024 * 1024;
const machine = { memoryBytes: 64 * 1024 * MiB, processors: 8 };

describe('sizingOf', () => {
  it('goes by what a function is given, whatever the machine has', () => {
    const sizing = sizingOf({ AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '2048' }, machine);
    expect(sizing).toMatchObject({ memoryBytes: 2048 * MiB, threads: 2 });
    // The engine was seen at 1.6 times its limit: with it, room is left.
    expect(sizing.engineBytes * 1.6).toBeLessThan(0.5 * 2048 * MiB);
  });

  it.each([
    [128, 1],
    [1769, 1],
    [1770, 2],
    [10_240, 6],
  ])('has for %i MiB %i threads', (memory, threads) => {
    expect(sizingOf({ AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(memory) }, machine).threads).toBe(threads);
  });

  it('never has more threads than there are processors', () => {
    const few = { ...machine, processors: 2 };
    expect(sizingOf({ AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '10240' }, few).threads).toBe(2);
  });

  it('goes by the machine elsewhere', () => {
    expect(sizingOf({}, machine)).toMatchObject({ memoryBytes: machine.memoryBytes, threads: 8 });
  });
});
