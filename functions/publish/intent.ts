import type { CommittedSource, FixedFile, Intent, TableChange } from '../../shared/commit/entry.ts';
import { commitsHeldWith, type LogState, tableKey } from '../../shared/commit/fold.ts';
import { openLog } from '../../shared/commit/log.ts';
import { type RunRequest, runFiles } from '../../shared/commit/run-files.ts';
import { finalFiles, type TableFile } from '../../shared/commit/run-output.ts';
import { type Dataset, graceSecondsOf, modeOf } from '../../shared/dataset/dataset.ts';
import type { Gathered, Plan } from '../../shared/domain/load.ts';
import { OUTPUT_FORMATS, type OutputFormat } from '../../shared/domain/schema.ts';
import { originOf, type SourceObject } from '../../shared/domain/source.ts';
import { tableName, tablesOf } from '../../shared/domain/tables.ts';
import { AccountsMismatch, SluiceError } from '../../shared/errors.ts';
import type { Ports } from '../../shared/ports/ports.ts';
import { clusterChanges, clusterFiles } from './clusters.ts';
import { numbered } from './numbered.ts';

/** P5: all that the run commits, from receipts alone. */
export async function buildIntent(ports: Ports, fixed: RunRequest, reload: boolean): Promise<Intent> {
  const files = runFiles(ports, fixed.run);
  const [plan, gathered] = await Promise.all([files.plan(), files.gathered()]);
  const { dataset } = fixed.request;
  const finals = await finalFiles(ports, fixed.run, plan, gathered);
  // What lists of distances come to is written by the clusters alone.
  if (dataset.source.format !== 'distances') checkRows(finals, gathered);
  const clustered = await files.clusteredIfAny();
  const state = await openLog(ports.objects, ports.places.work, dataset.name).head();
  const sources = [...new Map(gathered.accounts.map(({ source }) => [source.id, source])).values()];
  const readers = dataset.target.readers;
  const mirrored = dataset.target.layout === 'mirror';
  const tableChanges = (): TableChange[] => {
    if (mirrored || dataset.source.format === 'distances') return [];
    if (gathered.compacted) return compactions(dataset, state, finals, gathered.compacted);
    return changesOf(ports, fixed, plan, finals, state, replacesOf(fixed, state, sources, plan)).map((change) => {
      const rewrites = gathered.rewrites?.[tableKey(change)];
      return rewrites ? { ...change, rewrites } : change;
    });
  };
  return {
    kind: 'commit',
    run: fixed.run,
    dataset: dataset.name,
    at: ports.clock.now().toISOString(),
    force: reload,
    readers,
    graceSeconds: graceSecondsOf(dataset, ports.graceMinutes),
    sources: sources.map(committed),
    ...(gathered.drops ? { drops: gathered.drops } : {}),
    ...reuploads(dataset),
    tables: [...tableChanges(), ...(clustered ? clusterChanges(ports, dataset, clustered) : [])],
    fixed: [...(mirrored ? fixedFiles(plan, finals) : []), ...(clustered ? clusterFiles(clustered) : [])],
    plannedAt: plan.plannedAt,
    ...(gathered.pace ? { pace: gathered.pace } : {}),
  };
}

/** What the commit has to hold against versions that are live by then. */
function reuploads(dataset: Dataset): Pick<Intent, 'onReupload'> {
  const { onReupload, layout } = dataset.target;
  return layout === 'table' && modeOf(dataset) === 'append' && onReupload !== 'append' ? { onReupload } : {};
}

function committed(source: SourceObject): CommittedSource {
  const { bucket, key, etag } = originOf(source);
  return { id: source.id, bucket, key, etag, lastModified: source.lastModified };
}

/** Every format holds every row that was written, and every row that was written again. */
function checkRows(files: TableFile[], { rowsWritten, rowsRewritten = 0 }: Gathered): void {
  checkFormats(
    files.filter((file) => file.of === undefined),
    rowsWritten,
  );
  checkFormats(
    files.filter((file) => file.of !== undefined),
    rowsRewritten,
  );
}

function checkFormats(files: TableFile[], written: number): void {
  const rows = new Map<OutputFormat, number>();
  for (const file of files) rows.set(file.format, (rows.get(file.format) ?? 0) + file.rows);
  for (const [format, count] of rows) {
    if (count !== written) {
      throw new AccountsMismatch(`The run wrote ${written} rows but its ${format} files hold ${count}`);
    }
  }
  if (written > 0 && rows.size === 0) throw new AccountsMismatch(`The run wrote ${written} rows but left no file`);
}

/** What the commit takes out of the table before it adds its own files. */
function replacesOf(
  fixed: RunRequest,
  state: LogState,
  sources: { id: string; key: string; bucket: string }[],
  plan: Plan,
): TableChange['replaces'] {
  const mode = modeOf(fixed.request.dataset);
  if (mode === 'overwrite') return 'everything';
  if (mode === 'overwrite-partitions') return plan.tables[0].partitions.length > 0 ? 'partitions' : 'everything';
  const again = new Set(sources.map((source) => source.id).filter((id) => state.sources.has(id)));
  // Where a table says which rows are of which source, exactly these leave.
  if (again.size === 0 || plan.tables.every((table) => table.writing.sourceIds)) return 'nothing';
  const commits = commitsHeldWith(
    state,
    [...again].map((id) => state.sources.get(id)!),
  );
  for (const [id, version] of state.sources) {
    if (!commits.has(version) || again.has(id)) continue;
    throw new SluiceError(
      'ReloadWouldDouble',
      `Commit ${version} holds rows of objects that are loaded again and of others that are not; load all of them again or none`,
    );
  }
  return { commits: [...commits] };
}

function changesOf(
  ports: Ports,
  fixed: RunRequest,
  plan: Plan,
  files: TableFile[],
  state: LogState,
  replaces: TableChange['replaces'],
): TableChange[] {
  return plan.tables.flatMap((planned, index) => {
    const own = files.filter((file) => file.table === index);
    const changes = tablesOf(fixed.request.dataset, planned, ports.places.lake).map((table) => ({
      ...table,
      replaces,
      emptied: [],
      files: numbered(own, table.format, fixed.request.dataset),
      ...(planned.widened ? { widens: planned.widened } : {}),
    }));
    return replaces === 'everything' ? [...changes, ...leftFormats(fixed, state, planned.suffix)] : changes;
  });
}

/** A format that the data set wrote once and no longer does: its table must not keep rows that the others have not. */
function leftFormats(fixed: RunRequest, state: LogState, suffix: string | undefined): TableChange[] {
  const { database, table, formats } = fixed.request.dataset.target;
  return OUTPUT_FORMATS.filter((format) => !formats.includes(format)).flatMap((format): TableChange[] => {
    const left = state.tables.get(tableKey({ database, table: tableName(table, format, suffix) }));
    if (!left || left.files.length === 0) return [];
    const { files: _, since: __, ...description } = left;
    return [{ ...description, replaces: 'everything', emptied: [], files: [] }];
  });
}

/** The tables as they are, the same rows in other files. */
function compactions(
  dataset: Dataset,
  state: LogState,
  files: TableFile[],
  compacted: NonNullable<Gathered['compacted']>,
): TableChange[] {
  return compacted.map(({ database, table: name, keys }) => {
    const table = state.tables.get(tableKey({ database, table: name }))!;
    const { format, bucket, root, columns, partitionColumns, parameters } = table;
    return {
      ...{ database, table: name, format, bucket, root, columns, partitionColumns, parameters },
      replaces: { keys },
      emptied: [],
      files: numbered(files, format, dataset),
    };
  });
}

function fixedFiles(plan: Plan, files: TableFile[]): FixedFile[] {
  return files.map((file) => {
    const { mirror } = plan.tables[file.table];
    return {
      bucket: mirror!.bucket,
      key: mirror!.keys[file.format]!,
      staged: file.key,
      etag: file.etag,
      rows: file.rows,
      bytes: file.bytes,
    };
  });
}
