import type { Column } from '../domain/schema.ts';
import { csvGroup, type InputCount, type LiveInput, parquetGroup, tolerantGroup } from './convert-inputs.ts';
import { checkedColumns } from './csv-relation.ts';
import { type LocatedMisfits, locatedRejects, locateMisfits } from './locate-misfits.ts';
import { BadValues, type LoggedMisfit, readMisfitLog } from './misfit-log.ts';
import {
  brokenRegions,
  inFileOrder,
  type KnownMisfits,
  type LocatedReject,
  strictRejects,
  tolerantRejects,
} from './reject-scan.ts';
import { dropRejects, findCsvRejects, findParquetRejects, misfitReasonOf, type RejectTables } from './reject-tables.ts';
import type { Session } from './session.ts';
import type { Region } from './tolerant-part.ts';

type StrictFound = RejectTables | { broken: number; misfits: number; located: LocatedMisfits };
type CopyFound = RejectTables | KnownMisfits;

/**
 * Which rows of a job's inputs are rejected and why. Where nothing but values is wrong, and not many, the writing has noted
 * them; else an input is read once more to find out.
 */
export class InputRejects {
  readonly #session: Session;
  readonly #columns: readonly Column[];
  readonly #timezone: string;
  /** By input: of the fast road (or of Parquet), and of clean copies of rows that took the tolerant one. */
  readonly #strict = new Map<number, StrictFound>();
  readonly #copies = new Map<number, CopyFound>();
  #attempt = 0;
  #logged: Promise<LoggedMisfit[] | undefined> | undefined;

  constructor(session: Session, columns: readonly Column[], timezone: string) {
    this.#session = session;
    this.#columns = columns;
    this.#timezone = timezone;
  }

  /** The writing from now on logs misfits under this number. */
  begin(attempt: number): void {
    this.#attempt = attempt;
    this.#logged = undefined;
  }

  addsUp(item: LiveInput, rowsWritten: number, count: InputCount): boolean {
    if (count.isLong && item.csv && !item.csv.rewritten) return false;
    return rowsWritten + this.rejected(item) === this.rowsOf(item, count);
  }

  /** All rows of an input: of a record that the tolerant reader took over, what it made of it. */
  rowsOf({ index, csv, tolerant }: LiveInput, count: InputCount): number {
    return csv && tolerant ? count.rows - this.#strict.get(index)!.broken + tolerant.rows : count.rows;
  }

  rejected({ index, tolerant }: LiveInput): number {
    const found = this.#strict.get(index);
    const strict = found ? found.misfits + (tolerant ? 0 : found.broken) : 0;
    if (!tolerant) return strict;
    return strict + tolerant.rows - tolerant.kept + (this.#copies.get(index)?.misfits ?? 0);
  }

  /** Where records lie that could not be split into fields; undefined where none is known, or not the place of every one. */
  async brokenRegions({ index, csv }: LiveInput): Promise<readonly Region[] | undefined> {
    const found = this.#strict.get(index);
    if (!csv || !found || found.broken === 0) return undefined;
    return 'id' in found ? brokenRegions(this.#session, csv, found, this.#columns) : found.located.broken;
  }

  /** Finds out what is wrong with an input of which so many rows were written. */
  async find(item: LiveInput, rowsWritten: number, count: InputCount): Promise<void> {
    if (await this.#findLogged(item, rowsWritten, count)) return;
    await this.findByScan(item);
  }

  /** The same by reading the input once more. */
  async findByScan({ index, input, csv, tolerant, parquet }: LiveInput): Promise<void> {
    const { strict, copies } = { strict: this.#strict, copies: this.#copies };
    if (csv && !strict.has(index)) {
      const group = csvGroup([{ index, input, csv }]);
      strict.set(index, await findCsvRejects(this.#session, `${index}`, group, this.#columns, this.#timezone));
    }
    if (parquet && !strict.has(index)) {
      const group = parquetGroup([{ index, input, parquet }]);
      strict.set(index, await findParquetRejects(this.#session, `${index}`, group, this.#columns));
    }
    if (tolerant && !copies.has(index)) {
      const group = tolerantGroup([{ index, input, tolerant }]);
      copies.set(index, await findCsvRejects(this.#session, `${index}_copy`, group, this.#columns, this.#timezone));
    }
  }

  /** Forgets what was found wrong, and with it the records that were taken over for it. */
  async drop(item: LiveInput): Promise<void> {
    for (const found of [this.#strict.get(item.index), this.#copies.get(item.index)]) {
      if (found && 'id' in found) await dropRejects(this.#session, found);
    }
    this.#strict.delete(item.index);
    this.#copies.delete(item.index);
    if (item.csv) item.tolerant = undefined;
  }

  /** The rejected rows of a CSV in its order, at most `limit`; undefined where it has none. */
  ofCsv(item: LiveInput, limit: number): AsyncGenerator<LocatedReject> | undefined {
    const { csv, tolerant } = item;
    if (this.rejected(item) === 0) return undefined;
    const found = csv && this.#strict.get(item.index);
    const strict = found && this.#ofStrict(item, found, limit);
    const copied = tolerant && tolerantRejects(this.#session, tolerant, this.#copies.get(item.index), this.#columns);
    return strict && copied ? inFileOrder(strict, copied) : (strict ?? copied);
  }

  /** The rejected rows of a Parquet file, where it has some. */
  ofParquet({ index, parquet }: LiveInput): RejectTables | undefined {
    const found = this.#strict.get(index);
    return parquet && found && 'id' in found ? found : undefined;
  }

  #ofStrict({ csv, tolerant }: LiveInput, found: StrictFound, limit: number): AsyncGenerator<LocatedReject> {
    if ('id' in found) {
      return strictRejects(this.#session, csv!, found, this.#columns, { limit, misfitsOnly: tolerant !== undefined });
    }
    const { columns } = csv!.input;
    return locatedRejects(csv!, found.located, (column, value) =>
      misfitReasonOf(columns, this.#columns, column, value),
    );
  }

  /** By what the writing has logged, where that and the shape of the records tell of every row that is missing. */
  async #findLogged(item: LiveInput, rowsWritten: number, count: InputCount): Promise<boolean> {
    const { index, csv, tolerant, parquet } = item;
    if (parquet) return false;
    this.#logged ??= readMisfitLog(this.#session, this.#attempt);
    const own = (await this.#logged)?.filter(({ input }) => input === index);
    if (!own) return false;
    const [strict, copies] = [own.filter(({ road }) => road === 'strict'), own.filter(({ road }) => road === 'copy')];
    const added: Map<number, unknown>[] = [];
    if (csv && !this.#strict.has(index)) {
      const broken = count.rows - rowsWritten - strict.length;
      if (tolerant || csv.input.gzip || broken < 0) return false;
      const order = this.#order(csvGroup([item]));
      const located = await locateMisfits(csv, strict, order, { records: count.rows, broken });
      if (!located) return false;
      this.#strict.set(index, { broken, misfits: strict.length, located });
      added.push(this.#strict);
    }
    if (tolerant && !this.#copies.has(index)) {
      const bad = new BadValues(copies, this.#order(tolerantGroup([item])));
      this.#copies.set(index, { broken: 0, misfits: copies.length, bad });
      added.push(this.#copies);
    }
    if (this.addsUp(item, rowsWritten, count)) return true;
    for (const found of added) found.delete(index);
    return false;
  }

  #order(group: Parameters<typeof checkedColumns>[0]): number[] {
    return checkedColumns(group, this.#columns, this.#timezone);
  }
}
