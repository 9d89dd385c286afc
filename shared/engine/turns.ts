interface Waiting {
  shares: number;
  begin: () => void;
}

/** Turns at something that has so many shares. Who asks first goes first, so that one who wants many is not passed over for ever. */
export class Turns {
  readonly #shares: number;
  readonly #waiting: Waiting[] = [];
  #free: number;

  constructor(shares: number) {
    this.#shares = shares;
    this.#free = shares;
  }

  /** Runs `work` once so many shares are free, at most all, and holds them until it has ended. */
  async take<T>(shares: number, work: () => Promise<T>): Promise<T> {
    const wanted = Math.min(shares, this.#shares);
    await new Promise<void>((begin) => {
      this.#waiting.push({ shares: wanted, begin });
      this.#next();
    });
    try {
      return await work();
    } finally {
      this.#free += wanted;
      this.#next();
    }
  }

  /** Settles once all that have asked so far are done. */
  idle(): Promise<void> {
    return this.take(this.#shares, async () => undefined);
  }

  #next(): void {
    while (this.#waiting.length > 0 && this.#waiting[0]!.shares <= this.#free) {
      const { shares, begin } = this.#waiting.shift()!;
      this.#free -= shares;
      begin();
    }
  }
}
