import { mkdir, rm } from 'node:fs/promises';
import pMap from 'p-map';
import { z } from 'zod';
import { runKeys } from '../../shared/commit/keys.ts';
import { writeReceipt } from '../../shared/commit/receipts.ts';
import { runFiles } from '../../shared/commit/run-files.ts';
import { storeFile } from '../../shared/commit/store-file.ts';
import { readTask, TaskItem } from '../../shared/commit/tasks.ts';
import type {
  ConvertAccount,
  ConvertReceipt,
  ConvertTask,
  FinalStoredFile,
  Plan,
  StoredFile,
} from '../../shared/domain/load.ts';
import type { ConvertJob, ConvertOutcome, InputAccount, LocalInput } from '../../shared/engine/table-engine.ts';
import { type ErrorRecord, isObjectFault, objectErrorRecord } from '../../shared/errors.ts';
import { FILES_AT_ONCE, SMALL_CALLS_AT_ONCE } from '../../shared/limits.ts';
import { uri } from '../../shared/ports/object-store.ts';
import type { Ports } from '../../shared/ports/ports.ts';
import { type FetchedInput, fetchInput } from './fetch-input.ts';

export const ConvertStepInput = TaskItem.extend({ run: z.string(), step: z.enum(['convert', 'whole']) });
export type ConvertStepInput = z.infer<typeof ConvertStepInput>;

/** A task's files fetched and turned into staged or final table files, uploaded, and accounted for in its receipt. */
export function makeConvert(ports: Ports) {
  return async (
    event: ConvertStepInput,
    attempt: string,
  ): Promise<{ rowsWritten: number; rowsRejected: number; bytesRead: number }> => {
    const { request } = await runFiles(ports, event.run).request();
    const plan = await runFiles(ports, event.run).plan();
    const task = await readTask<ConvertTask>(ports.objects, ports.places.work, event.at);
    const scratch = await ports.newScratch();
    try {
      const startedAt = ports.clock.now().getTime();
      const fetched = await fetchAll(ports, request.dataset.source.access, task, scratch);
      const { outcome, accounts } = await convertAll(ports, plan, task, fetched, {
        tolerance: task.inputs.some((input) => input.range) ? undefined : request.dataset.rejects,
        timezone: request.dataset.source.csv.timezone ?? 'UTC',
        scratch,
      });
      const durationMs = ports.clock.now().getTime() - startedAt;
      const folder = runKeys.attempt(event.run, event.step, event.task, attempt);
      const receipt: ConvertReceipt = {
        task: event.task,
        attempt,
        table: task.table,
        accounts: accounts.map((account) => ({ ...account, durationMs: Math.round(durationMs / accounts.length) })),
        ...(await uploadAll(ports, outcome, folder)),
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
}

type Fetched = { input: number; file: FetchedInput } | { input: number; failed: ErrorRecord };

/** Every input as a local file, or the fault of its object. */
async function fetchAll(
  ports: Ports,
  access: Parameters<Ports['sources']>[0],
  task: ConvertTask,
  scratch: string,
): Promise<Fetched[]> {
  const store = ports.sources(access);
  return pMap(
    task.inputs,
    async (input, index): Promise<Fetched> => {
      try {
        return { input: index, file: await fetchInput(store, input, `${scratch}/in-${index}`) };
      } catch (error) {
        if (!isObjectFault(error)) throw error;
        return { input: index, failed: objectErrorRecord(error, uri(input.source)) };
      }
    },
    { concurrency: FILES_AT_ONCE },
  );
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
  options: Pick<ConvertJob, 'tolerance' | 'timezone' | 'scratch'>,
): Promise<{ outcome: ConvertOutcome; accounts: Omit<ConvertAccount, 'durationMs'>[] }> {
  const { columns, writing } = plan.tables[task.table];
  const target: ConvertJob['target'] = plan.buckets > 0 ? { kind: 'stage', buckets: plan.buckets } : { kind: 'final' };
  const convertGood = async (inputs: LocalInput[], scratch: string): Promise<ConvertOutcome> => {
    if (inputs.length === 0) return { accounts: [], staged: [], files: [], rejects: undefined };
    const engine = await ports.engine();
    await mkdir(scratch, { recursive: true });
    return engine.convert({ ...options, scratch, inputs, columns, writing, target });
  };
  const failures = new Map<number, { error: ErrorRecord; account: InputAccount | undefined }>();
  for (const item of fetched) {
    if ('failed' in item) failures.set(item.input, { error: item.failed, account: undefined });
  }
  for (let round = 0; ; round++) {
    const failedObjects = new Set([...failures.keys()].map((input) => task.inputs[input].source.id));
    const good = fetched.filter(
      (item): item is Extract<Fetched, { file: FetchedInput }> =>
        'file' in item && item.file.local !== undefined && !failedObjects.has(task.inputs[item.input].source.id),
    );
    const outcome = await convertGood(
      good.map((item) => item.file.local!),
      `${options.scratch}/out-${round}`,
    );
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
        input: good[account.input].input,
        ...(good[account.input].file.link ? { link: good[account.input].file.link } : {}),
      }));
    return { outcome, accounts: [...accounts, ...emptyRanges(fetched), ...failureAccounts(task, failures)] };
  }
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

async function uploadAll(
  ports: Ports,
  outcome: ConvertOutcome,
  folder: string,
): Promise<Pick<ConvertReceipt, 'staged' | 'files' | 'rejects'>> {
  const staged = await pMap(
    outcome.staged,
    async (file, i) => ({ ...(await storeFile(ports, file, `${folder}/staged-${i}.parquet`)), bucket: file.bucket }),
    { concurrency: SMALL_CALLS_AT_ONCE },
  );
  const files = await pMap(
    outcome.files,
    async (file, i): Promise<FinalStoredFile> => ({
      ...(await storeFile(ports, file, `${folder}/final-${i}`)),
      format: file.format,
      partition: file.partition,
    }),
    { concurrency: SMALL_CALLS_AT_ONCE },
  );
  let rejects: StoredFile | undefined;
  if (outcome.rejects) rejects = await storeFile(ports, outcome.rejects, `${folder}/rejects.jsonl`);
  return { staged, files, rejects };
}
