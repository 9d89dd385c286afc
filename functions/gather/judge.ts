import type { TaskFailure } from '../../shared/commit/receipts.ts';
import type {
  ConvertAccount,
  ConvertReceipt,
  ConvertTask,
  FailedSource,
  SourceAccount,
} from '../../shared/domain/load.ts';
import type { RangePlan } from '../../shared/domain/pace.ts';
import type { SourceObject } from '../../shared/domain/source.ts';
import { judgeRejects } from '../../shared/domain/tolerance.ts';
import type { RejectTolerance } from '../../shared/engine/table-engine.ts';
import { AccountsMismatch, toErrorRecord } from '../../shared/errors.ts';
import { verifyChain } from '../../shared/formats/csv/slice.ts';
import { uri } from '../../shared/ports/object-store.ts';
import { lossOf, measuredPace } from './timed-out.ts';

/** A convert task and what became of it. */
export type Outcome =
  | { step: 'convert' | 'whole'; task: ConvertTask; receipt: ConvertReceipt }
  | { step: 'convert' | 'whole'; task: ConvertTask; failure: TaskFailure };

export interface Judged {
  /** Tasks whose rows count. */
  counted: Extract<Outcome, { receipt: ConvertReceipt }>[];
  accounts: SourceAccount[];
  failed: FailedSource[];
  /** One task of each object whose ranges were cut at the wrong places. */
  broken: ConvertTask[];
}

/** What is to be made of each object, from all receipts and failures; `planned` is how large the tasks were. Pure. */
export function judge(outcomes: Outcome[], tolerance: RejectTolerance, planned?: RangePlan): Judged {
  const failed = new Map<string, FailedSource>();
  const fail = (source: SourceObject, step: string, loss: Pick<FailedSource, 'error' | 'splitBytes'>) => {
    if (!failed.has(source.id)) failed.set(source.id, { source, step, ...loss });
  };
  const pace = measuredPace(outcomes) ?? planned?.pace;
  for (const outcome of outcomes) {
    if ('failure' in outcome) {
      for (const input of outcome.task.inputs) {
        fail(input.source, outcome.step, lossOf(outcome, input, planned, pace));
      }
      continue;
    }
    for (const account of outcome.receipt.accounts) {
      if (account.failed) fail(outcome.task.inputs[account.input].source, outcome.step, { error: account.failed });
      else checkAccount(outcome.task, account);
    }
  }
  const broken: ConvertTask[] = [];
  for (const ranges of rangesByObject(outcomes)) {
    const { source } = ranges[0].task.inputs[0];
    if (failed.has(source.id)) continue;
    const links = ranges.map(({ receipt }) => receipt.accounts[0].link!);
    if (verifyChain(links) !== undefined) {
      broken.push(ranges[0].task);
      continue;
    }
    const error = beyond(ranges, tolerance);
    if (error) fail(source, ranges[0].step, { error: toErrorRecord(error) });
  }
  const receipts = outcomes.filter((outcome) => 'receipt' in outcome);
  // A task of whole objects leaves failed ones out by itself; a range's rows go with the object.
  const counted = receipts.filter(({ task, receipt }) =>
    receipt.accounts.some((account) => !account.failed && !failed.has(task.inputs[account.input].source.id)),
  );
  return { counted, accounts: accountsOf(counted), failed: [...failed.values()], broken };
}

function checkAccount(task: ConvertTask, account: ConvertAccount): void {
  const { rowsRead, rowsWritten, rowsRejected } = account;
  if (rowsRead === rowsWritten + rowsRejected) return;
  const where = uri(task.inputs[account.input].source);
  throw new AccountsMismatch(
    `${where} has ${rowsRead} rows but ${rowsWritten} were written and ${rowsRejected} rejected; nothing is committed`,
    { where },
  );
}

/** Receipts of objects that were converted in ranges, in the order of the ranges. */
function rangesByObject(outcomes: Outcome[]): Extract<Outcome, { receipt: ConvertReceipt }>[][] {
  const groups = new Map<string, Extract<Outcome, { receipt: ConvertReceipt }>[]>();
  for (const outcome of outcomes) {
    const [input] = outcome.task.inputs;
    if (!input.range || !('receipt' in outcome)) continue;
    const group = groups.get(input.source.id) ?? [];
    group.push(outcome);
    groups.set(input.source.id, group);
  }
  for (const group of groups.values()) {
    group.sort((a, b) => a.task.inputs[0].range!.index - b.task.inputs[0].range!.index);
  }
  return [...groups.values()];
}

/** The rejected rows of an object in ranges are judged together. */
function beyond(ranges: Extract<Outcome, { receipt: ConvertReceipt }>[], tolerance: RejectTolerance) {
  const accounts = ranges.map(({ receipt }) => receipt.accounts[0]);
  const read = accounts.reduce((sum, account) => sum + account.rowsRead, 0);
  const rejected = accounts.reduce((sum, account) => sum + account.rowsRejected, 0);
  const first = accounts.find((account) => account.firstReject)?.firstReject;
  return judgeRejects(uri(ranges[0].task.inputs[0].source), { rejected, read, first }, tolerance);
}

/** One account a source file; the ranges of an object are added up. */
function accountsOf(counted: Judged['counted']): SourceAccount[] {
  const accounts = new Map<string, SourceAccount>();
  for (const { task, receipt } of counted) {
    for (const account of receipt.accounts) {
      if (account.failed) continue;
      const { source, part } = task.inputs[account.input];
      const key = `${source.id} ${part.entry?.index ?? part.level ?? ''}`;
      const sum: SourceAccount = accounts.get(key) ?? {
        source,
        ...(part.entry || part.level ? { entry: part.entry?.name ?? part.level! } : {}),
        ...{ rowsRead: 0, rowsWritten: 0, rowsRejected: 0, bytesRead: 0, durationMs: 0 },
      };
      sum.rowsRead += account.rowsRead;
      sum.rowsWritten += account.rowsWritten;
      sum.rowsRejected += account.rowsRejected;
      sum.bytesRead += account.bytesRead;
      sum.durationMs += account.durationMs;
      sum.firstReject ??= account.firstReject;
      accounts.set(key, sum);
    }
  }
  return [...accounts.values()];
}
