import { createHash } from 'node:crypto';
import type { Address } from '../ports/object-store.ts';

/** Where everything lies in the work bucket. Nothing else in the code writes such a key. */

/** The steps that write receipts by task. */
export type TaskStep = 'read' | 'convert' | 'whole' | 'repartition' | 'fit';

/**
 * R: the name of everything an execution writes. The start time is part of it, since execution names come back after
 * 90 days.
 */
export function runId(execution: { name: string; startTime: string }): string {
  const time = new Date(execution.startTime).toISOString().replace(/[-:]/g, '').replace('.', '');
  return `${execution.name}-${time}`;
}

export function runKey(run: string, ...path: string[]): string {
  return ['runs', run, ...path].join('/');
}

export const runKeys = {
  request: (run: string) => runKey(run, 'request.json'),
  intent: (run: string) => runKey(run, 'intent.json'),
  verdict: (run: string) => runKey(run, 'verdict'),
  plan: (run: string) => runKey(run, 'plan', 'plan.json'),
  listed: (run: string) => runKey(run, 'list', 'listed.json'),
  gathered: (run: string, pass: 'first' | 'second') => runKey(run, 'gather', `${pass}.json`),
  prepared: (run: string) => runKey(run, 'cluster', 'prepared.json'),
  clustered: (run: string) => runKey(run, 'cluster', 'clustered.json'),
  receipt: (run: string, step: TaskStep, task: string) => runKey(run, step, task, 'receipt.json'),
  failure: (run: string, step: TaskStep, task: string) => runKey(run, step, task, 'failure.json'),
  attempt: (run: string, step: TaskStep, task: string, attempt: string) => runKey(run, step, task, attempt),
} as const;

export function claimKey(dataset: string, sourceId: string): string {
  return `claims/${dataset}/${sourceId}`;
}

export function loadedKey(dataset: string, sourceId: string): string {
  return `loaded/${dataset}/${sourceId}`;
}

const VERSION_DIGITS = 20;

export function logPrefix(dataset: string): string {
  return `log/${dataset}/`;
}

export function logKey(dataset: string, version: number): string {
  return `${logPrefix(dataset)}${String(version).padStart(VERSION_DIGITS, '0')}.json`;
}

/** The version in a log entry's key; undefined for the checkpoint and notes beside the entries. */
export function logVersion(key: string): number | undefined {
  const match = /\/(\d{20})\.json$/.exec(key);
  return match ? Number(match[1]) : undefined;
}

/** Letters sort after digits: these come behind the entries in a listing. */
export function checkpointKey(dataset: string): string {
  return `${logPrefix(dataset)}checkpoint.json`;
}

/** The version that root and catalog follow, and the one whose replaced files are gone. */
export function publishedKey(dataset: string): string {
  return `${logPrefix(dataset)}published.json`;
}

export function lockKey(dataset: string): string {
  return `locks/${dataset}`;
}

/** Held by the one run of a data set that may be under way; no data set's name has a dot. */
export function runLockKey(dataset: string): string {
  return `locks/${dataset}.run`;
}

export function historyKey(dataset: string, run: string): string {
  return `history/${dataset}/${run}.json`;
}

export function reportPrefix(dataset: string, run: string): string {
  return `reports/${dataset}/${run}/`;
}

export function rejectedPrefix(dataset: string, run: string): string {
  return `rejected/${dataset}/${run}/`;
}

/** `startedAt`, of the run, is ISO 8601: people look for a day. */
export function quarantineFolder(dataset: string, startedAt: string, run: string): string {
  return `failed/${dataset}/${startedAt.slice(0, 10)}/${run}/`;
}

export function failedKey(dataset: string, startedAt: string, run: string, source: Address): string {
  return `${quarantineFolder(dataset, startedAt, run)}${source.key}`;
}

/** The prefixes of the work bucket that are Sluice's own. */
export const OWN_PREFIXES = [
  'runs/',
  'claims/',
  'loaded/',
  'log/',
  'locks/',
  'history/',
  'reports/',
  'failed/',
  'rejected/',
];

/**
 * The folder of one commit's files within a partition: it sorts by version, and is the run's own, so that two runs that
 * race for a version never share a key.
 */
export function generation(version: number, run: string): string {
  return `${String(version).padStart(10, '0')}-${createHash('sha256').update(run).digest('hex').slice(0, 12)}`;
}
