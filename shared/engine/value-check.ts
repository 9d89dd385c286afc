import type { ColumnType } from '../domain/schema.ts';
import { Session } from './session.ts';
import { literals } from './sql.ts';
import { type TextStyle, textCast } from './text-cast.ts';

export interface ValueCheckOptions {
  memoryBytes: number;
  /** Folder for the engine, the caller's to remove. */
  scratch: string;
  /** Zone of timestamps without an offset. */
  timezone: string;
}

/** Asks the engine whether texts are values of a type, by the very expression that rejects rows when a file is loaded. */
export class ValueCheck {
  readonly #session: Session;

  private constructor(session: Session) {
    this.#session = session;
  }

  static async open({ memoryBytes, scratch, timezone }: ValueCheckOptions): Promise<ValueCheck> {
    return new ValueCheck(await Session.open({ threads: 1, memoryBytes, scratch, inputs: [], timezone }));
  }

  /** For each text whether a row would be rejected for it; `format` is strptime's. */
  async misfits(
    texts: readonly string[],
    type: ColumnType,
    style: TextStyle,
    format: string | undefined,
  ): Promise<boolean[]> {
    const cast = textCast(type, style, format);
    if (cast === undefined || texts.length === 0) return texts.map(() => false);
    const listed = `SELECT unnest(${literals(texts)}) AS s, unnest(range(${texts.length})) AS i`;
    const rows = await this.#session.rows(
      `SELECT i, coalesce(${cast.misfit('s', 'v')}, FALSE) FROM ` +
        `(SELECT s, i, ${cast.value('s')} AS v FROM (${listed})) ORDER BY i`,
    );
    return rows.map(([, misfit]) => misfit === true);
  }

  close(): Promise<void> {
    return this.#session.close();
  }
}
