import { mkdir, rm } from 'node:fs/promises';
import pMap from 'p-map';
import { RESCUED_COLUMN } from '../domain/schema.ts';
import { toleratedRejects } from '../domain/tolerance.ts';
import { BadDataset, BadInput, type ErrorRecord, TooManyRejects, toErrorRecord } from '../errors.ts';
import { INPUTS_PREPARED_AT_ONCE, REJECTS_KEPT_OF_FAILED_INPUT } from '../limits.ts';
import {
  countInput,
  faultOf,
  type InputCount,
  type LiveInput,
  mendInput,
  prepareInput,
  readInOrder,
  relationOf,
  rewriteInput,
} from './convert-inputs.ts';
import { finalFiles } from './final-files.ts';
import { InputRejects } from './input-rejects.ts';
import { JoinedCsvs } from './joined-csvs.ts';
import { firstLine } from './parquet-files.ts';
import { passingParquetOptions } from './parquet-options.ts';
import { PlainReading } from './plain-reading.ts';
import { RejectFile } from './reject-file.ts';
import { rowGroupRowsFor } from './row-groups.ts';
import type { Session } from './session.ts';
import { SmallCsvs } from './small-csvs.ts';
import { withSourceIds } from './source-ids.ts';
import { literal } from './sql.ts';
import { stagedFiles } from './staged-files.ts';
import type {
  ConvertJob,
  ConvertOutcome,
  FinalFile,
  InputAccount,
  RejectTolerance,
  RowRules,
  StagedFile,
} from './table-engine.ts';

/**
 * Converts a job's inputs. All are read in as few scans as there are dialects. Rows are counted beside the engine's scan; only where
 * an input comes out with fewer rows than it has is it read again, to find out which ones were rejected and why.
 *
 * The only input of a job, a CSV that is plain throughout, is parsed to its types at once (`PlainReading`), and so are those of
 * many small ones that are (`SmallCsvs`). Else there are two roads. A regular CSV goes to the engine as it is; an irregular one
 * goes through the tolerant reader, and so do the records of a regular one that turn out not to split into its columns.
 */
export async function convertJob(session: Session, job: ConvertJob): Promise<ConvertOutcome> {
  const run = new ConvertRun(session, job);
  try {
    return await run.outcome();
  } finally {
    await run.settle();
  }
}

/** Rows of several inputs, before it is known which of these fail. */
const GATHERED = 'gathered.parquet';

interface Written {
  /** Rows by input. */
  rows: Map<number, number>;
  /** The relation to be written in the end, where it is not yet. */
  gathered: string | undefined;
  staged: StagedFile[];
  files: FinalFile[];
}

class ConvertRun {
  readonly #session: Session;
  #job: ConvertJob;
  readonly #failed = new Map<number, ErrorRecord>();
  readonly #rejects: InputRejects;
  readonly #rules: RowRules;
  #counts: Promise<Map<number, InputCount>> = Promise.resolve(new Map());
  /** All inputs' rows, as long as they have not been tried. */
  #joined: JoinedCsvs | undefined;
  /** As long as nothing speaks against it. */
  #plain: PlainReading | undefined;
  #attempts = 0;

  constructor(session: Session, job: ConvertJob) {
    this.#session = session;
    this.#job = job;
    this.#rejects = new InputRejects(session, job.columns, job.timezone);
    const { short, long } = job.rowRules ?? { short: 'reject', long: 'reject' };
    // Nothing of a row may be lost: without the column for it, surplus fields are no less wrong.
    const rescues = job.columns.some(({ name }) => name === RESCUED_COLUMN);
    this.#rules = { short, long: rescues ? long : 'reject' };
  }

  async outcome(): Promise<ConvertOutcome> {
    await this.#checkFormats();
    const inputs = await this.#prepare();
    const { writing } = this.#job;
    const rowGroupRows = await rowGroupRowsFor(inputs, writing.rowGroupRows);
    this.#job = { ...this.#job, writing: { ...writing, rowGroupRows } };
    const plain = await PlainReading.ofOnly(inputs, this.#job.columns, this.#job.timezone);
    this.#plain = plain;
    this.#counts = this.#count(inputs, plain);
    this.#counts.catch(() => undefined);
    const { written, live, counts } = await this.#read(inputs);
    const accounts = await this.#account(inputs, written, counts);
    const good = live.filter(({ index }) => !this.#failed.has(index));
    const rejects = await this.#writeRejects(inputs, accounts);
    const { staged, files } = await this.#finish(written, good);
    for (const [index, failed] of this.#failed) {
      const known = accounts.find(({ input }) => input === index);
      if (known) Object.assign(known, { failed, rowsWritten: 0 });
      else
        accounts.push({ input: index, rowsRead: 0, rowsWritten: 0, rowsRejected: 0, bytesRead: 0, lines: 0, failed });
    }
    accounts.sort((a, b) => a.input - b.input);
    return { accounts, staged, files, rejects };
  }

  /** Nothing may still read the inputs when the job has ended, whichever way it has. */
  async settle(): Promise<void> {
    await this.#counts.catch(() => undefined);
  }

  /** Throws `BadDataset` for a form of dates or timestamps that strptime does not know. */
  async #checkFormats(): Promise<void> {
    const formats = new Set(this.#job.inputs.flatMap(({ columns }) => columns.flatMap(({ format }) => format ?? [])));
    for (const format of formats) {
      try {
        await this.#session.rows(`SELECT try_strptime('', ${literal(format)})`);
      } catch (cause) {
        throw new BadDataset(`"${format}" is no form of dates or timestamps: ${firstLine((cause as Error).message)}`, {
          cause,
        });
      }
    }
  }

  async #prepare(): Promise<LiveInput[]> {
    const { inputs, columns, writing, timezone } = this.#job;
    const prepared: LiveInput[] = [];
    // What tells rows of one source from another's must be read with them.
    const joins = inputs.length > 1 && !writing.sourceIds;
    const joined = joins ? new JoinedCsvs((piece) => this.#session.path(`joined-${piece}.csv`)) : undefined;
    const small = new SmallCsvs(joins ? { columns, timezone } : undefined);
    const preparing = { session: this.#session, columns, rules: this.#rules, small, joined };
    try {
      await pMap(
        inputs,
        async (input, index) => {
          const work = prepareInput(preparing, input, index).then((live) => prepared.push(live));
          const fault = await faultOf(work, input.uri);
          if (fault) this.#failed.set(index, fault);
        },
        { concurrency: INPUTS_PREPARED_AT_ONCE },
      );
    } finally {
      joined?.close();
    }
    if (joined?.isAllOf(prepared.map(({ index }) => index))) this.#joined = joined;
    return prepared.sort((a, b) => a.index - b.index);
  }

  async #count(inputs: readonly LiveInput[], plain: PlainReading | undefined): Promise<Map<number, InputCount>> {
    const counts = new Map<number, InputCount>();
    await pMap(
      inputs,
      async (live) => {
        const work = countInput(live, plain).then((count) => counts.set(live.index, count));
        const fault = await faultOf(work, live.input.uri);
        if (fault) this.#failed.set(live.index, fault);
      },
      { concurrency: INPUTS_PREPARED_AT_ONCE },
    );
    return counts;
  }

  /**
   * Reads the inputs until all rows are accounted for, or nothing is left to try. Where rows are missing, the engine's threads may have
   * lost their way in quotes: then none of them guesses where a record begins, and then tidied copies are read. Where the
   * engine gives up, it is given these at once, and after that each input by itself, to fail those that cannot be read at all.
   * Where rows that do not split into the columns can be mended, all is written once more, with them.
   */
  async #read(
    inputs: readonly LiveInput[],
  ): Promise<{ written: Written; live: LiveInput[]; counts: Map<number, InputCount> }> {
    const joined = await this.#writeJoined(inputs);
    if (joined) return { written: joined, live: [...inputs], counts: await this.#counts };
    for (;;) {
      const live = inputs.filter(({ index }) => !this.#failed.has(index));
      let written: Written;
      let counts: Map<number, InputCount>;
      const missing: LiveInput[] = [];
      let mended = false;
      try {
        const plain = await this.#writePlain(live);
        written = plain ?? (await this.#write(live));
        counts = await this.#counts;
        for (const item of plain ? [] : live) {
          const count = counts.get(item.index);
          const rows = written.rows.get(item.index)!;
          if (!count) continue;
          // More rows than there are come of the engine's threads alone, and no reject explains them.
          const isTooMany = rows > this.#rejects.rowsOf(item, count);
          if (!isTooMany && !this.#rejects.addsUp(item, rows, count)) await this.#rejects.find(item, rows, count);
          if (!this.#rejects.addsUp(item, rows, count)) {
            if (!item.parquet) missing.push(item);
          } else if (await this.#mend(item)) mended = true;
        }
      } catch (error) {
        if (!isAboutContent(error) || !(await this.#recover(live, error))) throw error;
        continue;
      }
      const guessed = missing.filter(({ csv }) => csv?.parallel);
      const untidied = missing.filter(({ csv }) => csv && !csv.parallel && !csv.rewritten);
      await this.#replace(guessed, readInOrder);
      await this.#replace(untidied, rewriteInput);
      if (guessed.length + untidied.length === 0 && !mended) return { written, live, counts };
    }
  }

  /** Writes a plain input; undefined where there is none, or where it turns out that it is not, or lacks a row. */
  async #writePlain(live: readonly LiveInput[]): Promise<Written | undefined> {
    const [plain, only] = [this.#plain, live[0]];
    this.#plain = undefined;
    if (!plain || !only) return undefined;
    let output: Omit<Written, 'rows' | 'gathered'> & { rows: number };
    try {
      output = await this.#session.until(plain.refuted, () => this.#writeOutput(plain.relation()));
    } catch (error) {
      if (!plain.refuted.aborted && !isAboutContent(error)) throw error;
      return undefined;
    }
    const count = (await this.#counts).get(only.index);
    if (!count || !plain.isProven || output.rows !== count.rows) return undefined;
    return { ...output, rows: new Map([[only.index, output.rows]]), gathered: undefined };
  }

  /** Has copies read instead; what was found of the originals lies elsewhere in these. */
  async #replace(
    inputs: readonly LiveInput[],
    copy: (session: Session, item: LiveInput) => Promise<void>,
  ): Promise<void> {
    for (const item of inputs) {
      await copy(this.#session, item);
      await this.#rejects.drop(item);
    }
  }

  /** Takes the records that the engine could not split over to the tolerant reader; true where that gives rows to be written. */
  async #mend(item: LiveInput): Promise<boolean> {
    const regions = item.tolerant ? undefined : await this.#rejects.brokenRegions(item);
    if (!regions) return false;
    const part = await mendInput(this.#session, item, regions, this.#rules);
    return part !== undefined && part.kept > 0;
  }

  /** After an error of the engine: changes what is read, or which inputs are. False where there is nothing to change. */
  async #recover(live: readonly LiveInput[], error: Error): Promise<boolean> {
    await this.#counts;
    if (live.some(({ index }) => this.#failed.has(index))) return true;
    const untidied = live.filter(({ csv }) => csv && !csv.rewritten);
    await this.#replace(untidied, rewriteInput);
    if (untidied.length > 0) return true;
    for (const item of live) {
      const { columns, timezone } = this.#job;
      try {
        const relation = relationOf([item], columns, { timezone });
        await this.#session.runUnpushed(
          `CREATE OR REPLACE TEMP TABLE probe AS SELECT max(hash(r)) FROM (${relation}) AS r`,
        );
        await this.#rejects.findByScan(item);
        await this.#rejects.drop(item);
      } catch (cause) {
        if (!isAboutContent(cause)) throw error;
        const where = item.input.uri;
        const fault = new BadInput(`Cannot read ${where} as ${item.input.format}: ${firstLine(cause.message)}`, {
          where,
        });
        this.#failed.set(item.index, toErrorRecord(fault));
      }
    }
    return live.some(({ index }) => this.#failed.has(index));
  }

  /**
   * The only input goes straight to its files, which are removed again if it fails. Of several, the rows are gathered first, each with
   * its input's index, so that the ones of a failed input can be left out.
   */
  async #write(live: readonly LiveInput[]): Promise<Written> {
    const { columns, timezone } = this.#job;
    const rows = new Map(live.map(({ index }) => [index, 0]));
    if (live.length === 0) return { rows, gathered: undefined, staged: [], files: [] };
    const attempt = this.#attempts++;
    this.#rejects.begin(attempt);
    const relation = relationOf(live, columns, { timezone, attempt });
    if (live.length === 1) {
      const output = await this.#writeOutput(relation);
      rows.set(live[0]!.index, output.rows);
      return { ...output, rows, gathered: undefined };
    }
    const path = this.#session.path(GATHERED);
    await this.#session.runUnpushed(
      `COPY (${relation}) TO ${literal(path)} (${passingParquetOptions(this.#job.writing.rowGroupRows)})`,
    );
    const file = `read_parquet(${literal(path)}, hive_partitioning = false)`;
    for (const [f, count] of await this.#session.rows(`SELECT f, count(*) FROM ${file} GROUP BY f`)) {
      rows.set(Number(f), Number(count));
    }
    return { rows, gathered: `SELECT * FROM ${file}`, staged: [], files: [] };
  }

  /**
   * Writes many small inputs from few files. Each row of an input is written where there come out as many as all of them have: then
   * nothing was rejected, and nothing fails. Undefined where that is not so: which input has which row has to be looked at.
   */
  async #writeJoined(inputs: readonly LiveInput[]): Promise<Written | undefined> {
    const joined = this.#joined;
    if (!joined || inputs.length === 0) return undefined;
    const { columns, timezone } = this.#job;
    try {
      const output = await this.#writeOutput(joined.relation(columns, timezone), joined.rows);
      if (output.rows !== joined.rows) return undefined;
      const counts = await this.#counts;
      return { ...output, rows: new Map([...counts].map(([index, { rows }]) => [index, rows])), gathered: undefined };
    } catch (error) {
      if (!isAboutContent(error)) throw error;
      return undefined;
    } finally {
      await joined.remove();
    }
  }

  async #writeOutput(
    relation: string,
    expectedRows?: number,
  ): Promise<{ rows: number; staged: StagedFile[]; files: FinalFile[] }> {
    const { columns, writing, target, inputs, onFile } = this.#job;
    if (writing.sourceIds) relation = withSourceIds(relation, columns, inputs);
    const folder = this.#session.path('out');
    if (target.kind === 'final') {
      const { rows, files } = await finalFiles(this.#session, relation, columns, writing, folder, onFile, expectedRows);
      return { rows, staged: [], files };
    }
    const { rows, files } = await stagedFiles(
      this.#session,
      relation,
      columns,
      writing.partitions,
      target.buckets,
      folder,
      onFile,
    );
    return { rows, staged: files, files: [] };
  }

  async #finish(written: Written, good: readonly LiveInput[]): Promise<{ staged: StagedFile[]; files: FinalFile[] }> {
    if (good.length === 0) {
      await rm(this.#session.path('out'), { recursive: true, force: true });
      return { staged: [], files: [] };
    }
    if (written.gathered === undefined) return written;
    const list = good.map(({ index }) => index).join(', ');
    const output = await this.#writeOutput(`${written.gathered} WHERE f IN (${list})`);
    await rm(this.#session.path(GATHERED));
    const expected = good.reduce((sum, { index }) => sum + written.rows.get(index)!, 0);
    if (output.rows !== expected) throw new Error(`Wrote ${output.rows} rows of ${expected} that were gathered`);
    return output;
  }

  /** One account an input that could be counted; an input with too many rejects fails here. */
  async #account(
    inputs: readonly LiveInput[],
    written: Written,
    counts: ReadonlyMap<number, InputCount>,
  ): Promise<InputAccount[]> {
    const accounts: InputAccount[] = [];
    for (const item of inputs) {
      const { index, input } = item;
      const count = counts.get(index);
      if (!count) continue;
      const rowsRead = this.#rejects.rowsOf(item, count);
      const rowsRejected = this.#rejects.rejected(item);
      accounts.push({
        input: index,
        rowsRead,
        rowsWritten: written.rows.get(index) ?? 0,
        rowsRejected,
        bytesRead: count.bytes,
        lines: count.lines,
      });
      if (this.#job.tolerance && rowsRejected > toleratedRejects(this.#job.tolerance, rowsRead)) {
        this.#failed.set(index, toErrorRecord(tooMany(input.uri, rowsRejected, rowsRead, this.#job.tolerance)));
      }
    }
    return accounts;
  }

  /** Writes the rejected rows and puts the first one's reason into its account, and into the error of an input that fails for them. */
  async #writeRejects(inputs: readonly LiveInput[], accounts: readonly InputAccount[]) {
    await mkdir(this.#session.scratch, { recursive: true });
    const file = new RejectFile(this.#session.path('rejects.jsonl'));
    for (const item of inputs) {
      const failed = this.#failed.get(item.index);
      const limit = failed ? REJECTS_KEPT_OF_FAILED_INPUT : Number.POSITIVE_INFINITY;
      const { columns } = this.#job;
      const tables = this.#rejects.ofParquet(item);
      const stream = item.parquet ? undefined : this.#rejects.ofCsv(item, limit);
      let first: string | undefined;
      if (stream) first = await file.addCsv(item.input, stream, limit);
      else if (item.parquet && tables) first = await file.addParquet(this.#session, item.input, tables, columns, limit);
      if (first !== undefined) {
        const account = accounts.find(({ input }) => input === item.index);
        if (account) account.firstReject = first;
        if (failed?.name === 'TooManyRejects') failed.message += `; the first: ${first}`;
      }
      await this.#rejects.drop(item);
    }
    return file.close();
  }
}

function tooMany(where: string, rejected: number, read: number, tolerance: RejectTolerance): TooManyRejects {
  const tolerated = toleratedRejects(tolerance, read);
  return new TooManyRejects(`${rejected} of ${read} rows of ${where} were rejected where ${tolerated} are tolerated`, {
    where,
  });
}

/** Errors that may come of what is in a file, and not of memory, disk or our own SQL. */
function isAboutContent(error: unknown): error is Error {
  return (
    error instanceof Error &&
    /^(Invalid|Conversion|Serialization|IO|TProtocolException|Snappy|ZSTD)/i.test(error.message)
  );
}
