import { setMaxListeners } from 'node:events';

/**
 * Runs `run` for 0 … count − 1, at most so many at once. After the first failure it starts no more, tells the others to
 * stop by the signal, waits until none is under way, and throws it: what follows finds nothing still in motion.
 */
export async function inParallel<T>(
  count: number,
  atOnce: number,
  run: (index: number, signal: AbortSignal) => Promise<T>,
): Promise<T[]> {
  const results = new Array<T>(count);
  const stop = new AbortController();
  // Every call under way listens.
  setMaxListeners(0, stop.signal);
  let failure: { error: unknown } | undefined;
  let next = 0;
  const worker = async () => {
    while (next < count && !failure) {
      const index = next++;
      try {
        results[index] = await run(index, stop.signal);
      } catch (error) {
        failure ??= { error };
        stop.abort();
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, worker));
  if (failure) throw failure.error;
  return results;
}
