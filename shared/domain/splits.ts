import type { FileColumn } from '../engine/table-engine.ts';
import { BATCH_MAX_BYTES, BATCH_MAX_OBJECTS, SHUFFLE_BUCKET_BYTES, SHUFFLE_MAX_BUCKETS } from '../limits.ts';
import type { ConvertInput, ConvertTask, FoundPart } from './load.ts';
import type { SourceObject } from './source.ts';

/** A file to convert, and the table (by index) that it belongs to. */
export interface PlannedFile {
  source: SourceObject;
  part: FoundPart;
  table: number;
  columns: FileColumn[];
}

/**
 * The tasks of a load, fixed by the files alone. All files of an object that go to one table lie in one task, so that an
 * object that fails takes no other's rows with it; an object in ranges has its tasks to itself.
 */
export function planTasks(files: PlannedFile[], splitBytes: number, name: (index: number) => string): ConvertTask[] {
  const tasks: { table: number; inputs: ConvertInput[] }[] = [];
  const open = new Map<number, { inputs: ConvertInput[]; bytes: number }>();
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
      for (const range of ranges) tasks.push({ table, inputs: [{ ...inputOf(group[0]), range }] });
      continue;
    }
    const batch = open.get(table);
    if (batch && (batch.bytes + bytes > BATCH_MAX_BYTES || batch.inputs.length + group.length > BATCH_MAX_OBJECTS)) {
      close(table);
    }
    const into = open.get(table) ?? { inputs: [], bytes: 0 };
    into.inputs.push(...group.map(inputOf));
    into.bytes += bytes;
    open.set(table, into);
  }
  for (const table of [...open.keys()]) close(table);
  return tasks.map((task, i) => ({ task: name(i), ...task }));
}

function inputOf(file: PlannedFile): ConvertInput {
  const { entry, format, compression, dialect } = file.part;
  return {
    source: file.source,
    part: { format, compression, ...(entry ? { entry } : {}), ...(dialect ? { dialect } : {}) },
    columns: file.columns,
  };
}

/** Files of one object and table, in order of first appearance. */
function byObject(files: PlannedFile[]): PlannedFile[][] {
  const groups = new Map<string, PlannedFile[]>();
  for (const file of files) {
    const key = `${file.table} ${file.source.id}`;
    const group = groups.get(key);
    if (group) group.push(file);
    else groups.set(key, [file]);
  }
  return [...groups.values()];
}

/** Only a plain CSV of one byte a code unit can be entered in the middle. */
function rangesOf(file: PlannedFile, splitBytes: number): Required<ConvertInput>['range'][] | undefined {
  const { part, source } = file;
  const splittable =
    part.format === 'csv' &&
    part.compression === 'none' &&
    part.dialect !== undefined &&
    isByteWise(part.dialect.encoding);
  if (!splittable || source.sizeBytes <= splitBytes) return undefined;
  const of = Math.ceil(source.sizeBytes / splitBytes);
  const size = Math.ceil(source.sizeBytes / of);
  return Array.from({ length: of }, (_, index) => ({
    start: index * size,
    end: Math.min((index + 1) * size, source.sizeBytes),
    index,
    of,
  }));
}

function isByteWise(encoding: string): boolean {
  return encoding !== 'utf-16le' && encoding !== 'utf-16be';
}

/**
 * Buckets of the shuffle: 0 where convert can write the final files itself, because one task has all rows or because the
 * order and place of rows do not matter.
 */
export function bucketsOf(tasks: ConvertTask[], needsShuffle: boolean, bytes: number): number {
  if (!needsShuffle || tasks.length <= 1) return 0;
  return Math.min(SHUFFLE_MAX_BUCKETS, Math.max(1, Math.ceil(bytes / SHUFFLE_BUCKET_BYTES)));
}
