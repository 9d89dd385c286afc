import { appendFile, mkdir, readFile, rm } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import pMap from 'p-map';
import { z } from 'zod';
import { FileUploads } from '../../shared/commit/file-uploads.ts';
import { runKeys } from '../../shared/commit/keys.ts';
import { writeReceipt } from '../../shared/commit/receipts.ts';
import { runFiles } from '../../shared/commit/run-files.ts';
import { storeOf } from '../../shared/commit/source-store.ts';
import { storeFile } from '../../shared/commit/store-file.ts';
import { readTask, TaskItem } from '../../shared/commit/tasks.ts';
import type { Dataset } from '../../shared/dataset/dataset.ts';
import type {
  ConvertAccount,
  ConvertInput,
  ConvertReceipt,
  ConvertTask,
  Plan,
  StoredFile,
} from '../../shared/domain/load.ts';
import { releaseSpareHeap } from '../../shared/engine/heap.ts';
import type {
  ConvertJob,
  ConvertOutcome,
  FinalFile,
  InputAccount,
  LocalFile,
  RowRules,
  StagedFile,
} from '../../shared/engine/table-engine.ts';
import { type ErrorRecord, isObjectFault, objectErrorRecord } from '../../shared/errors.ts';
import { FILES_AT_ONCE } from '../../shared/limits.ts';
import { uri } from '../../shared/ports/object-store.ts';
import type { Ports } from '../../shared/ports/ports.ts';
import { convertDistances } from './distances.ts';
import { type FetchedInput, fetchGranule, fetchInput } from './fetch-input.ts';

export const ConvertStepInput = TaskItem.extend({ run: z.string(), step: z.enum(['convert', 'whole']) });
export type ConvertStepInput = z.infer<typeof ConvertStepInput>;

/** A task's files fetched and turned into staged or final table files, uploaded, and accounted for in its receipt. */
export function makeConvert(ports: Ports) {
  let tasksUnderWay = 0;
  const convert = async (
    event: ConvertStepInput,
    attempt: string,
  ): Promise<{ rowsWritten: number; rowsRejected: number; bytesRead: number }> => {
    const { request } = await runFiles(ports, event.run).request();
    const plan = await runFiles(ports, event.run).plan();
    const task = await readTask<ConvertTask>(ports.objects, ports.places.work, event.at);
    const scratch = await ports.newScratch();
    try {
      const startedAt = ports.clock.now().getTime();
      const folder = runKeys.attempt(event.run, event.step, event.task, attempt);
      const isDistances = task.inputs[0]?.part.format === 'distances';
      if (isDistances) return await convertLists(ports, request.dataset, event, task, { scratch, folder, attempt });
      // What lies on this machine is brought without a wait: tasks that are further go on first, and the engine begins sooner.
      await nextTurn();
      const fetched = await fetchAll(ports, request.dataset, task, scratch);
      if (task.inputs.some(({ range }) => range)) releaseSpareHeap();
      await using uploads = new FileUploads(ports, (n) =>
        plan.buckets > 0 ? `${folder}/staged-${n}.parquet` : `${folder}/final-${n}`,
      );
      const { outcome, accounts } = await convertAll(ports, plan, task, fetched, {
        tolerance: task.inputs.some((input) => input.range) ? undefined : request.dataset.rejects,
        timezone: request.dataset.source.csv.timezone ?? 'UTC',
        rowRules: rowRulesOf(request.dataset),
        scratch,
        onFile: uploads.begin,
        othersFollow: tasksUnderWay > 1,
      });
      const durationMs = ports.clock.now().getTime() - startedAt;
      const receipt: ConvertReceipt = {
        task: event.task,
        attempt,
        table: task.table,
        accounts: accounts.map((account) => ({ ...account, durationMs: Math.round(durationMs / accounts.length) })),
        ...(await uploadAll(ports, outcome, uploads, folder)),
      };
      const held = await writeReceipt(ports.objects, ports.places.work, event.run, event.step, event.task, receipt);
      return {
        rowsWritten: held.accounts.reduce((sum, account) => sum + account.rowsWritten, 0),
        rowsRejected: held.accounts.reduce((sum, account) => sum + account.rowsRejected, 0),
        bytesRead: held.accounts.reduce((sum, account) => sum + account.bytesRead, 0),
      };
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  };
  return async (event: ConvertStepInput, attempt: string) => {
    tasksUnderWay++;
    try {
      return await convert(event, attempt);
    } finally {
      tasksUnderWay--;
    }
  };
}

function rowRulesOf({ source }: Dataset): RowRules {
  const { onShortRow, onLongRow } = source.csv;
  return { short: onShortRow ?? 'reject', long: onLongRow ?? 'reject' };
}

/** The same for lists of distances, which need no engine. */
async function convertLists(
  ports: Ports,
  dataset: Dataset,
  event: ConvertStepInput,
  task: ConvertTask,
  { scratch, folder, attempt }: { scratch: string; folder: string; attempt: string },
): Promise<{ rowsWritten: number; rowsRejected: number; bytesRead: number }> {
  const lists = await convertDistances(ports, dataset, task, scratch, folder);
  const receipt: ConvertReceipt = { task: event.task, attempt, table: task.table, ...lists };
  const held = await writeReceipt(ports.objects, ports.places.work, event.run, event.step, event.task, receipt);
  const sum = (of: 'rowsWritten' | 'rowsRejected' | 'bytesRead') =>
    held.accounts.reduce((all, account) => all + account[of], 0);
  return { rowsWritten: sum('rowsWritten'), rowsRejected: sum('rowsRejected'), bytesRead: sum('bytesRead') };
}

type GoodInput = { input: number; file: FetchedInput };
type Fetched = GoodInput | { input: number; failed: ErrorRecord };

/** What became of a task's inputs: those of one table together, the tables one after the other. */
interface TablesOutcome extends Pick<ConvertOutcome, 'accounts'> {
  staged: { file: StagedFile; table: number }[];
  files: { file: FinalFile; table: number }[];
  rejects: LocalFile[];
}

/** Every input as a local file, or the fault of its object. The levels of a granule come by one read of it. */
async function fetchAll(ports: Ports, { source }: Dataset, task: ConvertTask, scratch: string): Promise<Fetched[]> {
  const pathOf = (input: number) => `${scratch}/in-${input}`;
  const together = new Map<string, number[]>();
  task.inputs.forEach((input, index) => {
    const key = input.part.level ? input.source.id : String(index);
    together.set(key, [...(together.get(key) ?? []), index]);
  });
  const fetched = await pMap(
    together.values(),
    async (indices): Promise<Fetched[]> => {
      const inputs = indices.map((index) => task.inputs[index]!);
      const [first] = inputs as [ConvertInput];
      const store = storeOf(ports, source.access, first.source);
      try {
        const files = first.part.level
          ? await fetchGranule(store, inputs, source.glm, (i) => pathOf(indices[i]!))
          : [await fetchInput(store, first, pathOf(indices[0]!))];
        return files.map((file, i) => ({ input: indices[i]!, file }));
      } catch (error) {
        if (!isObjectFault(error)) throw error;
        return indices.map((input) => ({ input, failed: objectErrorRecord(error, uri(first.source)) }));
      }
    },
    { concurrency: FILES_AT_ONCE },
  );
  return fetched.flat();
}

/**
 * Converts what was fetched. An object of which one file fails must leave no rows of its other files behind: they are
 * taken out and the rest is converted again.
 */
async function convertAll(
  ports: Ports,
  plan: Plan,
  task: ConvertTask,
  fetched: Fetched[],
  options: Pick<ConvertJob, 'tolerance' | 'timezone' | 'rowRules' | 'scratch' | 'onFile' | 'othersFollow'>,
): Promise<{ outcome: TablesOutcome; accounts: Omit<ConvertAccount, 'durationMs'>[] }> {
  const target: ConvertJob['target'] = plan.buckets > 0 ? { kind: 'stage', buckets: plan.buckets } : { kind: 'final' };
  const convertGood = async (good: GoodInput[], folder: string): Promise<TablesOutcome> => {
    const all: TablesOutcome = { accounts: [], staged: [], files: [], rejects: [] };
    const tableOf = ({ input }: GoodInput) => task.inputs[input]!.table ?? task.table;
    for (const table of new Set(good.map(tableOf))) {
      const indices = [...good.keys()].filter((i) => tableOf(good[i]!) === table);
      const { columns, writing } = plan.tables[table]!;
      const engine = await ports.engine();
      const scratch = `${folder}-${table}`;
      await mkdir(scratch, { recursive: true });
      const inputs = indices.map((i) => good[i]!.file.local!);
      const outcome = await engine.convert({ ...options, scratch, inputs, columns, writing, target });
      all.accounts.push(...outcome.accounts.map((account) => ({ ...account, input: indices[account.input]! })));
      all.staged.push(...outcome.staged.map((file) => ({ file, table })));
      all.files.push(...outcome.files.map((file) => ({ file, table })));
      if (outcome.rejects) all.rejects.push(outcome.rejects);
    }
    return all;
  };
  const failures = new Map<number, { error: ErrorRecord; account: InputAccount | undefined }>();
  for (const item of fetched) {
    if ('failed' in item) failures.set(item.input, { error: item.failed, account: undefined });
  }
  for (let round = 0; ; round++) {
    const failedObjects = new Set([...failures.keys()].map((input) => task.inputs[input].source.id));
    const good = fetched.filter(
      (item): item is GoodInput =>
        'file' in item && item.file.local !== undefined && !failedObjects.has(task.inputs[item.input].source.id),
    );
    const outcome = await convertGood(good, `${options.scratch}/out-${round}`);
    const sound = failures.size;
    for (const { input, file } of good) {
      const error = await file.changedMeanwhile?.();
      if (error) failures.set(input, { error, account: undefined });
    }
    if (failures.size > sound) continue;
    const failed = outcome.accounts.filter((account) => account.failed);
    const sharesObject = (account: InputAccount): boolean => {
      const { id } = task.inputs[good[account.input].input].source;
      return good.some((item, i) => i !== account.input && task.inputs[item.input].source.id === id);
    };
    for (const account of failed) {
      const { input } = good[account.input];
      failures.set(input, { error: account.failed!, account });
    }
    if (failed.some(sharesObject)) continue;
    const accounts = outcome.accounts
      .filter((account) => !account.failed)
      .map((account) => ({
        ...account,
        ...bytesOfGranule(task, good, account),
        input: good[account.input].input,
        ...(good[account.input].file.link ? { link: good[account.input].file.link } : {}),
      }));
    return { outcome, accounts: [...accounts, ...emptyRanges(fetched), ...failureAccounts(task, failures)] };
  }
}

/** What was read of a granule is the object, once, and not the files that were made of it. */
function bytesOfGranule(task: ConvertTask, good: readonly GoodInput[], account: InputAccount): { bytesRead?: number } {
  const inputOf = (index: number) => task.inputs[good[index]!.input]!;
  const { part, source } = inputOf(account.input);
  if (!part.level) return {};
  const isFirst = good.findIndex((_, i) => inputOf(i).source.id === source.id) === account.input;
  return { bytesRead: isFirst ? source.sizeBytes : 0 };
}

/** Ranges in which no record begins: they hold nothing but a link of the chain. */
function emptyRanges(fetched: Fetched[]): Omit<ConvertAccount, 'durationMs'>[] {
  return fetched.flatMap((item) => {
    if (!('file' in item) || item.file.local !== undefined) return [];
    const nothing = { rowsRead: 0, rowsWritten: 0, rowsRejected: 0, bytesRead: 0, lines: 0 };
    return [{ input: item.input, ...nothing, ...(item.file.link ? { link: item.file.link } : {}) }];
  });
}

function failureAccounts(
  task: ConvertTask,
  failures: Map<number, { error: ErrorRecord; account: InputAccount | undefined }>,
): InputAccount[] {
  const first = new Map<string, ErrorRecord>();
  for (const [input, { error }] of failures) {
    const { id } = task.inputs[input].source;
    if (!first.has(id)) first.set(id, error);
  }
  return task.inputs.flatMap((input, index) => {
    const error = first.get(input.source.id);
    if (!error) return [];
    const known = failures.get(index)?.account;
    const empty = { rowsRead: 0, rowsWritten: 0, rowsRejected: 0, bytesRead: 0, lines: 0 };
    return [{ ...empty, ...known, input: index, rowsWritten: 0, failed: failures.get(index)?.error ?? error }];
  });
}

/** Waits for the uploads of what came out in the end, most of which began meanwhile. */
async function uploadAll(
  ports: Ports,
  outcome: TablesOutcome,
  uploads: FileUploads,
  folder: string,
): Promise<Pick<ConvertReceipt, 'staged' | 'files' | 'rejects'>> {
  const staged = await Promise.all(
    outcome.staged.map(async ({ file, table }) => ({ ...(await uploads.stored(file)), bucket: file.bucket, table })),
  );
  const files = await Promise.all(
    outcome.files.map(
      async ({ file, table }): Promise<ConvertReceipt['files'][number]> => ({
        ...(await uploads.stored(file)),
        format: file.format,
        partition: file.partition,
        table,
        ...(file.rowsOf ? { rowsOf: file.rowsOf } : {}),
      }),
    ),
  );
  let rejects: StoredFile | undefined;
  const [first, ...others] = outcome.rejects;
  if (first) {
    for (const other of others) await appendFile(first.path, await readFile(other.path));
    const sum = (of: 'rows' | 'bytes') => outcome.rejects.reduce((all, file) => all + file[of], 0);
    rejects = await storeFile(
      ports,
      { path: first.path, rows: sum('rows'), bytes: sum('bytes') },
      `${folder}/rejects.jsonl`,
    );
  }
  return { staged, files, rejects };
}
