import { PACE_MIN_BYTES, PACE_MIN_MS, SPLIT_MIN_BYTES, SPLIT_TIME_SHARE } from '../limits.ts';
import type { ConvertInput, ConvertTask } from './load.ts';

/** How fast plain CSV of a data set was converted: the slowest task of a run. */
export interface Pace {
  bytes: number;
  ms: number;
}

/** How plain CSV is cut into ranges, and small objects are packed. */
export interface RangePlan {
  /** The most of plain CSV that one task is given, where it can be cut. */
  bytes: number;
  /** What a task has, in seconds. */
  taskSeconds: number;
  /** As the last commit of which it is known measured it. */
  pace?: Pace;
}

/** The slowest of some tasks. Those that say nothing are left out: of little data and soon done, their start is most of their time. */
export function slowest(tasks: Iterable<Pace>): Pace | undefined {
  let found: Pace | undefined;
  for (const task of tasks) {
    const tells = task.ms > 0 && (task.bytes >= PACE_MIN_BYTES || task.ms >= PACE_MIN_MS);
    if (!tells || task.bytes === 0) continue;
    if (!found || task.bytes / task.ms < found.bytes / found.ms) found = task;
  }
  return found;
}

/** Bytes that a task converts at this pace in its share of `taskSeconds`. */
export function bytesInTime({ bytes, ms }: Pace, taskSeconds: number): number {
  return Math.floor((bytes / ms) * taskSeconds * 1000 * SPLIT_TIME_SHARE);
}

/**
 * The size of ranges: what the data set or, of what timed out before, the request says; else so that each ends within a third
 * of a task's time at the pace that the log knows, and never more than `most`. Nothing else goes into it, and no clock: the
 * same log and request give the same ranges.
 */
export function planRangeBytes(
  asked: { dataset: { splitBytes?: number | undefined }; splitBytes?: number | undefined },
  pace: Pace | undefined,
  { splitBytes: most, taskSeconds }: { splitBytes: number; taskSeconds: number },
): RangePlan {
  const paced = pace ? Math.min(most, Math.max(SPLIT_MIN_BYTES, bytesInTime(pace, taskSeconds))) : most;
  const bytes = Math.min(asked.dataset.splitBytes ?? paced, asked.splitBytes ?? Number.POSITIVE_INFINITY);
  return { bytes, taskSeconds, ...(pace ? { pace } : {}) };
}

/** Bytes of the object that an input of a task is. */
export function inputBytes({ source, part, range }: ConvertInput): number {
  return range ? range.end - range.start : (part.entry?.compressedBytes ?? source.sizeBytes);
}

/**
 * Bytes of a task that may tell how fast plain CSV is converted, which alone is cut by them; undefined: it has something else,
 * or many files of few bytes, whose number counts.
 */
export function pacedBytes({ inputs }: ConvertTask): number | undefined {
  if (inputs.some(({ part }) => part.format !== 'csv' || part.compression !== 'none')) return undefined;
  const bytes = inputs.reduce((sum, input) => sum + inputBytes(input), 0);
  return inputs.length > 1 && bytes < PACE_MIN_BYTES ? undefined : bytes;
}
