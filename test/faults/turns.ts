/** A seeded generator (mulberry32, public domain): the same seed gives the same draws. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Lets one waiting call go at a time, drawn by the generator, and only once nothing else is under way: so the order in which
 * executions meet in the stores depends on the seed alone.
 */
export class Turns {
  private readonly waiting: (() => void)[] = [];
  private readonly random: () => number;
  private scheduled = false;

  constructor(random: () => number) {
    this.random = random;
  }

  /** Resolves when it is the caller's turn. */
  wait(): Promise<void> {
    return new Promise((resolve) => {
      this.waiting.push(resolve);
      this.schedule();
    });
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(() => this.release());
  }

  private release(): void {
    // Scratch files are being written or read: whoever waits for them may ask for a turn too.
    if (process.getActiveResourcesInfo().some((resource) => resource.startsWith('FSReq'))) {
      setImmediate(() => this.release());
      return;
    }
    this.scheduled = false;
    const index = Math.floor(this.random() * this.waiting.length);
    const [next] = this.waiting.splice(index, 1);
    next?.();
    if (this.waiting.length > 0) this.schedule();
  }
}
