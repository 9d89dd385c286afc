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

interface Waiting {
  /** Milliseconds of the drill's own time before which it is not let go. */
  at: number;
  go(): void;
}

/** Work of the process that ends by itself and lets somebody go on: files, compression. */
const IO = /Req|Zlib/;
/** Before time jumps: between two such works there may be a moment with none. */
const QUIET_ROUNDS = 3;
/** A call takes up to this long, in milliseconds of the drill's time. */
const CALL_MAX_MS = 100;

/**
 * Time and order of a drill. One waiting call is let go at a time, drawn by the generator among those whose time has come,
 * and only once nothing else is under way: so the order in which executions meet in the stores depends on the seed alone.
 * Where all wait for later, time jumps there: an hour's grace costs nothing.
 */
export class Turns {
  /** Milliseconds since 1970. */
  now: number;
  private readonly waiting: Waiting[] = [];
  private readonly random: () => number;
  private scheduled = false;

  constructor(random: () => number, start: string) {
    this.random = random;
    this.now = Date.parse(start);
  }

  /** Resolves when it is the caller's turn, no earlier than after `ms`; never once the signal is aborted. */
  wait(ms = 0, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) return;
      const entry: Waiting = { at: this.now + ms, go: resolve };
      this.waiting.push(entry);
      // What nobody waits for any more must not make time jump.
      signal?.addEventListener('abort', () => this.drop(entry), { once: true });
      this.schedule();
    });
  }

  private drop(entry: Waiting): void {
    const index = this.waiting.indexOf(entry);
    if (index >= 0) this.waiting.splice(index, 1);
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(() => this.release());
  }

  private release(quiet = 0): void {
    // Scratch files are being written or read: whoever waits for them may ask for a turn too.
    if (process.getActiveResourcesInfo().some((resource) => IO.test(resource))) {
      setImmediate(() => this.release());
      return;
    }
    let ready = this.waiting.filter((entry) => entry.at <= this.now);
    if (ready.length === 0 && this.waiting.length > 0 && quiet < QUIET_ROUNDS) {
      setImmediate(() => this.release(quiet + 1));
      return;
    }
    this.scheduled = false;
    if (this.waiting.length === 0) return;
    if (ready.length === 0) {
      this.now = this.waiting.reduce((least, entry) => Math.min(least, entry.at), Number.POSITIVE_INFINITY);
      ready = this.waiting.filter((entry) => entry.at <= this.now);
    }
    const next = ready[Math.floor(this.random() * ready.length)];
    this.now += Math.floor(this.random() * CALL_MAX_MS);
    this.drop(next);
    next.go();
    if (this.waiting.length > 0) this.schedule();
  }
}
