import type { FileColumn } from '../engine/table-engine.ts';
import { isSliceable, planRanges } from '../formats/csv/slice.ts';
import { BATCH_MAX_BYTES, CONVERT_MAX_OBJECTS, SHUFFLE_BUCKET_BYTES, SHUFFLE_MAX_BUCKETS } from '../limits.ts';
import type { ConvertInput, ConvertTask, FoundPart, InputRange } from './load.ts';
import type { SourceObject } from './source.ts';

/** A file to convert, and the table (by index) that it belongs to. */
export interface PlannedFile {
  source: SourceObject;
  part: FoundPart;
  table: number;
  columns: FileColumn[];
}

/**
 * The tasks of a load, fixed by the files and `splitBytes` alone: plain CSV is cut into ranges of so many bytes at most, and
 * small objects are packed to no more. All files of an object that go to one table lie in one task, so that an
 * object that fails takes no other's rows with it; an object in ranges has its tasks to itself.
 */
export function planTasks(files: PlannedFile[], splitBytes: number, name: (index: number) => string): ConvertTask[] {
  const tasks: { table: number; inputs: ConvertInput[] }[] = [];
  const open = new Map<number, { inputs: ConvertInput[]; bytes: number }>();
  const batchBytes = Math.min(BATCH_MAX_BYTES, splitBytes);
  const close = (table: number) => {
    const batch = open.get(table);
    if (batch) tasks.push({ table, inputs: batch.inputs });
    open.delete(table);
  };
  for (const group of byObject(files)) {
    const { table } = group[0];
    const bytes = group.reduce((sum, file) => sum + file.part.sizeBytes, 0);
    const ranges = group.length === 1 ? rangesOf(group[0], splitBytes) : undefined;
    if (ranges) {
      for (const range of ranges) tasks.push({ table, inputs: [{ ...inputOf(group[0], table), range }] });
      continue;
    }
    const batch = open.get(table);
    if (batch && (batch.bytes + bytes > batchBytes || batch.inputs.length + group.length > CONVERT_MAX_OBJECTS)) {
      close(table);
    }
    const into = open.get(table) ?? { inputs: [], bytes: 0 };
    into.inputs.push(...group.map((file) => inputOf(file, table)));
    into.bytes += bytes;
    open.set(table, into);
  }
  for (const table of [...open.keys()]) close(table);
  return tasks.map((task, i) => ({ task: name(i), ...task }));
}

function inputOf(file: PlannedFile, table: number): ConvertInput {
  const { entry, format, compression, dialect, irregular, level } = file.part;
  return {
    source: file.source,
    ...(file.table === table ? {} : { table: file.table }),
    part: {
      format,
      compression,
      ...(entry ? { entry } : {}),
      ...(dialect ? { dialect } : {}),
      ...(irregular ? { irregular } : {}),
      ...(level ? { level } : {}),
    },
    columns: file.columns,
  };
}

/** Files of one object and table, in order of first appearance. The levels of a granule are read, and fail, together. */
function byObject(files: PlannedFile[]): PlannedFile[][] {
  const groups = new Map<string, PlannedFile[]>();
  for (const file of files) {
    const key = `${file.part.level ? 'levels' : file.table} ${file.source.id}`;
    const group = groups.get(key);
    if (group) group.push(file);
    else groups.set(key, [file]);
  }
  return [...groups.values()];
}

/** Only a plain CSV can be entered in the middle. */
function rangesOf({ part, source }: PlannedFile, splitBytes: number): InputRange[] | undefined {
  const { dialect, dataStart, dataLine } = part;
  if (part.format !== 'csv' || part.compression !== 'none' || !dialect || source.sizeBytes <= splitBytes)
    return undefined;
  if (!isSliceable(dialect)) return undefined;
  if (dataStart === undefined || dataLine === undefined) return undefined;
  const ranges = planRanges({ sizeBytes: source.sizeBytes, dataStart, dialect }, splitBytes);
  if (ranges.length < 2) return undefined;
  return ranges.map((range, index) => ({ ...range, index, of: ranges.length, dataStart, dataLine }));
}

/**
 * Buckets of the shuffle: 0 where convert can write the final files itself, because one task has all rows or because the
 * order and place of rows do not matter.
 */
export function bucketsOf(tasks: ConvertTask[], needsShuffle: boolean, bytes: number): number {
  if (!needsShuffle || tasks.length <= 1) return 0;
  return Math.min(SHUFFLE_MAX_BUCKETS, Math.max(1, Math.ceil(bytes / SHUFFLE_BUCKET_BYTES)));
}
