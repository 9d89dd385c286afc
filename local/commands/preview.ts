import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describeObject } from '../../functions/read/describe-object.ts';
import type { Dataset } from '../../shared/dataset/dataset.ts';
import { parseDataset } from '../../shared/dataset/parse.ts';
import { expandDotted, mergeSettings, parseSetting, type Settings } from '../../shared/dataset/settings.ts';
import type { FoundColumn, FoundPart } from '../../shared/domain/load.ts';
import { type ColumnType, RESCUED_COLUMN } from '../../shared/domain/schema.ts';
import { schemaOf } from '../../shared/domain/table-schema.ts';
import type { RejectedRow, RowRules, TableEngine } from '../../shared/engine/table-engine.ts';
import type { ValueCheck } from '../../shared/engine/value-check.ts';
import { BadRequest, SluiceError } from '../../shared/errors.ts';
import { PREVIEW_ENGINE_BYTES, PREVIEW_REJECTS_SHOWN, PREVIEW_ROWS } from '../../shared/limits.ts';
import { uri } from '../../shared/ports/object-store.ts';
import type { Invocation } from '../cli.ts';
import { colours as pc } from '../colours.ts';
import { EXIT } from '../exit.ts';
import { csvText } from '../preview/csv-text.ts';
import { openFile } from '../preview/file-store.ts';
import { partChunks } from '../preview/part-chunks.ts';
import { type PreviewRow, partRows } from '../preview/part-rows.ts';
import { outputNames, PreviewOutput } from '../preview/preview-outputs.ts';
import { count, type Output } from '../print.ts';
import { formatCount, textTable } from '../text-table.ts';

export interface PreviewOptions {
  rows?: number | 'all';
  csv?: boolean;
  out?: string;
  set: string[];
}

/** What was found of one file, or of one entry of an archive. */
interface Previewed {
  file: string;
  entry?: string;
  columns?: { original: string; type: ColumnType }[];
  /** Read so far: all of the file where `complete`. */
  rows: number;
  rejected: number;
  complete: boolean;
  /** The first rows and rejects, where they are shown. */
  shown: { rows: PreviewRow[]; rejects: RejectedRow[] };
  error?: { name: string; message: string };
}

/**
 * `sluice preview`: the rows of files as a load would write them, and those that it would reject. A file that cannot be read
 * stops no other; with `--out` its rows are an empty file, and its error the last line of its rejects.
 */
export async function preview(at: Invocation, files: string[], options: PreviewOptions): Promise<number> {
  const { out, csv = false } = options;
  if (csv && out === undefined && files.length > 1) {
    throw new BadRequest('--csv prints the rows of one file; --out DIR writes those of several');
  }
  const dataset = datasetOf(options.set);
  const limit =
    options.rows === 'all' || (options.rows === undefined && out !== undefined)
      ? undefined
      : (options.rows ?? PREVIEW_ROWS);
  const scratch = await mkdtemp(join(tmpdir(), 'sluice-'));
  const tools = new Tools(scratch, dataset.source.csv.timezone ?? 'UTC');
  const names = outputNames(files);
  if (out !== undefined) await mkdir(out, { recursive: true });
  const found: Previewed[] = [];
  let failed = 0;
  try {
    for (const [i, file] of files.entries()) {
      at.signal.throwIfAborted();
      const sink = new Sink(at.output, {
        limit,
        csv,
        keeps: at.output.json && out === undefined,
        ...(out === undefined ? {} : { out, name: names[i]! }),
      });
      const parts = await previewFile(file, dataset, tools, sink);
      const error = parts.find((part) => part.error)?.error;
      if (error) {
        failed++;
        at.output.err(`${pc.red('error')} ${error.name}: ${error.message}`);
      }
      for (const part of parts) {
        if (!at.output.json && out === undefined && !csv && !part.error) show(at.output, part, files.length > 1);
        // of thousands of files only the counts are kept
        if (at.output.json) found.push(part);
        else found.push({ ...part, shown: { rows: [], rejects: [] } });
      }
    }
  } finally {
    await tools.close();
    await rm(scratch, { recursive: true, force: true });
  }
  if (at.output.json)
    at.output.out(JSON.stringify({ files: found.map((part) => report(part, out === undefined)) }, null, 2));
  else if (out !== undefined || files.length > 1) {
    const rows = found.reduce((sum, part) => sum + part.rows, 0);
    const rejected = found.reduce((sum, part) => sum + part.rejected, 0);
    const failures = failed === 0 ? '' : `, ${pc.yellow(`${count(failed, 'file')} could not be read`)}`;
    at.output.err(
      `${count(files.length, 'file')}: ${count(rows, 'row')}, ${formatCount(rejected)} rejected${failures}`,
    );
  }
  return failed === files.length ? EXIT.failed : EXIT.done;
}

function datasetOf(set: readonly string[]): Dataset {
  const asked: Settings = { name: 'preview', target: { database: 'preview', table: 'preview' } };
  const settings = set.map(parseSetting).map(({ key, value }) => expandDotted({ [key]: value }));
  return parseDataset(settings.reduce(mergeSettings, asked), 'sluice preview');
}

async function previewFile(file: string, dataset: Dataset, tools: Tools, sink: Sink): Promise<Previewed[]> {
  const done: Previewed[] = [];
  let entry: string | undefined;
  try {
    const path = resolve(file);
    const parts = await describeFile(path, file, dataset, tools);
    const { onShortRow = 'reject', onLongRow = 'reject' } = dataset.source.csv;
    const rules: RowRules = { short: onShortRow, long: onLongRow };
    for (const found of parts) {
      const part = asLoaded(found, dataset);
      entry = parts.length > 1 ? part.entry?.name : undefined;
      const chunks = partChunks(path, part);
      await sink.begin(part, entry, rules.long === 'rescue');
      let complete = true;
      for await (const batch of partRows({ part, chunks, uri: file, dataset, rules, check: () => tools.check() })) {
        if (await sink.add(batch.rows, batch.rejects)) continue;
        complete = false;
        break;
      }
      done.push(await sink.end(file, complete));
    }
    return done;
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error;
    await sink.fail(file, entry, error);
    const { name, message } = error;
    return [
      ...done,
      { file, rows: 0, rejected: 0, complete: false, shown: { rows: [], rejects: [] }, error: { name, message } },
    ];
  }
}

/** With the types and forms that a load of it would decide on. */
function asLoaded(part: FoundPart, dataset: Dataset): FoundPart {
  const { columns, formats, names } = schemaOf([part], dataset);
  const types = new Map(columns.map(({ name, type }) => [name, type]));
  return {
    ...part,
    columns: part.columns.map(({ original, profile, type }, i): FoundColumn => {
      const name = names[0]![i]!;
      const format = formats.get(name);
      return { original, profile, type: types.get(name) ?? type, ...(format === undefined ? {} : { format }) };
    }),
  };
}

async function describeFile(path: string, file: string, dataset: Dataset, tools: Tools): Promise<FoundPart[]> {
  const info = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    throw new BadRequest(
      `Cannot preview ${file}: ${cause.code === 'ENOENT' ? 'there is no such file' : cause.message}`,
      {
        where: file,
        cause,
      },
    );
  });
  if (!info.isFile()) {
    throw new BadRequest(
      `Cannot preview ${file}: it is ${info.isDirectory() ? 'a directory; name its files' : 'no file'}`,
      {
        where: file,
      },
    );
  }
  const opened = await openFile(path);
  try {
    const reading = { store: opened.store, engine: () => tools.engine(), scratch: tools.scratch };
    return await describeObject(reading, opened.source, dataset);
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error;
    // To people it is their file, not an object of the store that read looks at it through.
    const message = error.message.replaceAll(uri(opened.source), file);
    throw new SluiceError(error.name, message, { where: file, cause: error });
  } finally {
    await opened.close();
  }
}

/** Engines, each loaded and opened when it is first needed: most files need none. */
class Tools {
  readonly scratch: string;
  readonly #timezone: string;
  #engine: (TableEngine & { close(): Promise<void> }) | undefined;
  #check: Promise<ValueCheck> | undefined;

  constructor(scratch: string, timezone: string) {
    this.scratch = scratch;
    this.#timezone = timezone;
  }

  async engine(): Promise<TableEngine> {
    if (!this.#engine) {
      const { duckdbEngine } = await import('../../shared/engine/duckdb-engine.ts');
      this.#engine = duckdbEngine();
    }
    return this.#engine;
  }

  check(): Promise<ValueCheck> {
    this.#check ??= this.#openCheck();
    return this.#check;
  }

  async #openCheck(): Promise<ValueCheck> {
    const { ValueCheck } = await import('../../shared/engine/value-check.ts');
    const scratch = join(this.scratch, 'check');
    return ValueCheck.open({ memoryBytes: PREVIEW_ENGINE_BYTES, scratch, timezone: this.#timezone });
  }

  async close(): Promise<void> {
    await (await this.#check)?.close();
    await this.#engine?.close();
  }
}

interface SinkOptions {
  /** Rows wanted of each part; left out: all. */
  limit: number | undefined;
  csv: boolean;
  /** The rows are wanted in the end, all of them. */
  keeps: boolean;
  out?: string;
  name?: string;
}

/** Where the rows of a file go: a folder, standard output, or a table for people. */
class Sink {
  readonly #output: Output;
  readonly #options: SinkOptions;
  #file: PreviewOutput | undefined;
  #part: FoundPart | undefined;
  #entry: string | undefined;
  #rows = 0;
  #rejected = 0;
  #shown: Previewed['shown'] = { rows: [], rejects: [] };

  constructor(output: Output, options: SinkOptions) {
    this.#output = output;
    this.#options = options;
  }

  async begin(part: FoundPart, entry: string | undefined, rescues: boolean): Promise<void> {
    const { out, csv } = this.#options;
    this.#part = part;
    this.#entry = entry;
    this.#rows = 0;
    this.#rejected = 0;
    this.#shown = { rows: [], rejects: [] };
    const header = [...part.columns.map(({ original }) => original), ...(rescues ? [RESCUED_COLUMN] : [])];
    if (out !== undefined) {
      this.#file = await PreviewOutput.open(out, this.#name(entry));
      await this.#file.addRows([header]);
    } else if (csv) this.#output.out(csvText([header]).trimEnd());
  }

  /** False where no more rows are wanted. */
  async add(rows: readonly PreviewRow[], rejects: readonly RejectedRow[]): Promise<boolean> {
    const { limit, out, csv, keeps } = this.#options;
    const wanted = limit === undefined ? rows : rows.slice(0, Math.max(0, limit - this.#rows));
    const after = wanted.length < rows.length || this.#rows + wanted.length === limit;
    this.#rows += wanted.length;
    this.#rejected += rejects.length;
    if (out !== undefined) {
      await this.#file!.addRows(wanted);
      await this.#file!.addRejects(rejects);
    } else if (csv && wanted.length > 0) this.#output.out(csvText(wanted).slice(0, -1));
    else this.#shown.rows.push(...wanted);
    if (out === undefined || keeps) {
      const room = keeps ? rejects.length : Math.max(0, PREVIEW_REJECTS_SHOWN - this.#shown.rejects.length);
      this.#shown.rejects.push(...rejects.slice(0, room));
    }
    return !after;
  }

  async end(file: string, complete: boolean): Promise<Previewed> {
    await this.#file?.close();
    this.#file = undefined;
    const columns = this.#part!.columns.map(({ original, type }) => ({ original, type }));
    const entry = this.#entry === undefined ? {} : { entry: this.#entry };
    if (this.#options.csv && this.#options.out === undefined)
      sayRejects(this.#output, this.#shown.rejects, this.#rejected);
    return { file, ...entry, columns, rows: this.#rows, rejected: this.#rejected, complete, shown: this.#shown };
  }

  async fail(file: string, entry: string | undefined, error: SluiceError): Promise<void> {
    const { out } = this.#options;
    if (out === undefined) return;
    this.#file ??= await PreviewOutput.open(out, this.#name(entry));
    await this.#file.takeBack();
    const reason = `${error.name}: ${error.message}`;
    await this.#file.addRejects([
      { uri: file, entry: entry ?? null, line: null, byteOffset: null, column: null, reason, raw: null },
    ]);
    await this.#file.close();
    this.#file = undefined;
  }

  /** An entry's name is no path of ours. */
  #name(entry: string | undefined): string {
    const { name } = this.#options;
    return entry === undefined ? name! : `${name}!${entry.replaceAll(/[/\\]/g, '_')}`;
  }
}

function show(output: Output, part: Previewed, named: boolean): void {
  if (named || part.entry !== undefined) {
    output.out(pc.dim(`── ${part.file}${part.entry === undefined ? '' : `, entry ${part.entry}`}`));
  }
  const header = part.columns!.map(({ original }) => original);
  const { rows } = part.shown;
  output.out(textTable(header.length < (rows[0]?.length ?? 0) ? [...header, RESCUED_COLUMN] : header, rows));
  if (!part.complete) output.err(pc.dim(`the first ${count(rows.length, 'row')}; --rows all shows all`));
  sayRejects(output, part.shown.rejects, part.rejected);
}

function sayRejects(output: Output, rejects: readonly RejectedRow[], all: number): void {
  if (all === 0) return;
  output.err(pc.yellow(`${count(all, 'row')} rejected:`));
  for (const { line, column, reason } of rejects.slice(0, PREVIEW_REJECTS_SHOWN)) {
    output.err(`  line ${line}${column === null ? '' : `, column ${JSON.stringify(column)}`}: ${reason}`);
  }
  if (all > PREVIEW_REJECTS_SHOWN)
    output.err(`  … and ${formatCount(all - PREVIEW_REJECTS_SHOWN)} more: --out writes them all`);
}

/** Rows and rejects themselves only where they are in no file. */
function report({ shown, rows, rejected, ...part }: Previewed, withRows: boolean) {
  if (part.error !== undefined) return part;
  return { ...part, rowsRead: rows, rowsRejected: rejected, ...(withRows ? shown : {}) };
}
