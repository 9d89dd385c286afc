import type { DuckDBInstance } from '@duckdb/node-api';
import { SPARE_DATABASE_IDLE_MS } from '../limits.ts';

/** Instances that wait, by name, for somebody to take them. One that nobody comes for is closed. */
export class IdleEngines {
  readonly #idle = new Map<string, { engine: Promise<DuckDBInstance>; timer: NodeJS.Timeout }>();

  has(name: string): boolean {
    return this.#idle.has(name);
  }

  /** Keeps one, made or in the making; there must be none of the name. What goes wrong with it is told to whoever takes it. */
  keep(name: string, engine: Promise<DuckDBInstance>): void {
    engine.catch(() => undefined);
    const close = (): void => {
      this.#idle.delete(name);
      engine.then(
        (instance) => instance.closeSync(),
        () => undefined,
      );
    };
    this.#idle.set(name, { engine, timer: setTimeout(close, SPARE_DATABASE_IDLE_MS).unref() });
  }

  /** The caller's from now on; undefined where there is none. */
  take(name: string): Promise<DuckDBInstance> | undefined {
    const held = this.#idle.get(name);
    if (!held) return undefined;
    this.#idle.delete(name);
    clearTimeout(held.timer);
    return held.engine;
  }
}
