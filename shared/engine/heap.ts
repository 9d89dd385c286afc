import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { SPARE_HEAP_BYTES } from '../limits.ts';

interface Collection {
  type: 'minor' | 'major';
  execution: 'sync';
  /** `last-resort` keeps no room for what is to come. */
  flavor?: 'last-resort';
}
type Collect = (options: Collection) => void;

let collector: Collect | undefined;

/** V8's own garbage collection, which a program has by a flag only. */
function collect(collection: Collection): void {
  if (!collector) {
    setFlagsFromString('--expose-gc');
    // The flag holds for contexts made from now on.
    collector = runInNewContext('gc') as Collect;
  }
  collector(collection);
}

/**
 * Has V8 look through the objects made last, some milliseconds. The engine's chunks are freed only when their JavaScript objects are
 * found to be garbage; these are tiny, so V8 sees no reason to look, while the memory behind them grows by some hundred MB.
 */
export function collectYoungGarbage(): void {
  collect({ type: 'minor', execution: 'sync' });
}

/**
 * Gives the room back that V8 keeps for objects to come, where that is much: some 100 ms. Behind a step that has made many it is 150 MB,
 * and V8 itself sees no reason to while the engine beside it fills the memory.
 */
export function releaseSpareHeap(): void {
  const { total_heap_size, used_heap_size } = getHeapStatistics();
  if (total_heap_size - used_heap_size >= SPARE_HEAP_BYTES)
    collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}
