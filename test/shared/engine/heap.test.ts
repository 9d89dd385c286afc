import { getHeapStatistics } from 'node:v8';
import { describe, expect, it } from '@jest/globals';
import { releaseSpareHeap } from '../../../shared/engine/heap.ts';
import { SPARE_HEAP_BYTES } from '../../../shared/limits.ts';

function spareBytes(): number {
  const { total_heap_size, used_heap_size } = getHeapStatistics();
  return total_heap_size - used_heap_size;
}

/** Objects that live long enough for V8 to make room for all of them; how much it then has. */
function grow(): number {
  const held = Array.from({ length: 1_000_000 }, (_, i) => ({ i, held: [i] }));
  return held.length && getHeapStatistics().total_heap_size;
}

describe('releaseSpareHeap', () => {
  it('gives back what V8 keeps for objects to come', () => {
    const grown = grow();
    releaseSpareHeap();
    expect(getHeapStatistics().total_heap_size).toBeLessThan(grown - SPARE_HEAP_BYTES / 2);
    expect(spareBytes()).toBeLessThan(SPARE_HEAP_BYTES);
  });
});
