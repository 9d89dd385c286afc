/**
 * What `next` gives, one after the other until it gives undefined, asked for up to `count` items before they are wanted. Whoever stops
 * early waits for the call under way.
 */
export async function* readAhead<T>(next: () => Promise<T | undefined>, count: number): AsyncGenerator<T> {
  const ready: T[] = [];
  let ended = false;
  let failure: { error: unknown } | undefined;
  let wakeReader = () => {};
  let wakeFetcher = () => {};
  const fetchAll = async () => {
    try {
      while (!ended) {
        const item = await next();
        if (item === undefined) break;
        ready.push(item);
        wakeReader();
        if (ready.length >= count && !ended) {
          await new Promise<void>((resolve) => {
            wakeFetcher = resolve;
          });
        }
      }
    } catch (error) {
      failure = { error };
    }
    ended = true;
    wakeReader();
  };
  const fetching = fetchAll();
  try {
    for (;;) {
      const item = ready.shift();
      if (item !== undefined) {
        wakeFetcher();
        yield item;
      } else if (failure) throw failure.error;
      else if (ended) return;
      else {
        await new Promise<void>((resolve) => {
          wakeReader = resolve;
        });
      }
    }
  } finally {
    ended = true;
    wakeFetcher();
    await fetching;
  }
}
