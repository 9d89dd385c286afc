import type { RunRequest } from '../../shared/commit/run-files.ts';
import type { Dataset } from '../../shared/dataset/dataset.ts';
import { mirrorFolder, mirrorRelative } from '../../shared/dataset/places.ts';
import type { PlannedTable } from '../../shared/domain/load.ts';
import type { OutputFormat } from '../../shared/domain/schema.ts';
import { originOf } from '../../shared/domain/source.ts';
import type { PlannedFile } from '../../shared/domain/splits.ts';
import { schemaOf } from '../../shared/domain/table-schema.ts';
import type { Places } from '../../shared/ports/ports.ts';
import { fileColumns, writingOf } from './one-table.ts';
import type { FoundObject, Planned } from './step.ts';

/** `layout: mirror`: every file has its own schema and one output a format, under the same relative name. */
export function mirrorTables(fixed: RunRequest, found: FoundObject[], places: Places): Planned {
  const { dataset } = fixed.request;
  const { target } = dataset;
  const tables: PlannedTable[] = [];
  const files: PlannedFile[] = [];
  const taken = new Set<string>();
  for (const { source, parts } of found) {
    for (const part of parts) {
      const schema = schemaOf([part], dataset);
      const writing = writingOf(fixed, schema.columns, schema, undefined);
      const relative = unique(
        relativeName(mirrorRelative(dataset, originOf(source).key), part.entry?.name ?? part.level, parts.length),
        taken,
      );
      const keys = Object.fromEntries(
        target.formats.map((format) => [format, mirrorKey(dataset, format, relative)]),
      ) as Partial<Record<OutputFormat, string>>;
      files.push({ source, part, table: tables.length, columns: fileColumns(part, schema.names[0], schema) });
      tables.push({
        columns: schema.columns,
        partitions: [],
        // One output an object, whatever its size.
        writing: { ...writing, fileSizeBytes: Number.MAX_SAFE_INTEGER },
        mirror: { bucket: target.bucket ?? places.lake, keys },
      });
    }
  }
  return { tables, files };
}

const INPUT_EXTENSION = /(\.(csv|tsv|txt|parquet|nc|gz|zip|zst))+$/i;

/** `2024/x.csv.gz` → `2024/x`; an entry of a ZIP of several → `2024/x/entry`. */
function relativeName(relative: string, entry: string | undefined, parts: number): string {
  const base = relative.replace(INPUT_EXTENSION, '');
  if (entry === undefined || parts === 1) return base;
  // An entry's name is for people: it must not climb out of the folder.
  const safe = entry.split(/[\\/]/).filter((segment) => segment !== '' && segment !== '.' && segment !== '..');
  return `${base}/${safe.join('/').replace(INPUT_EXTENSION, '')}`;
}

/** Two objects of which only the extension differs must not meet in one output. */
function unique(relative: string, taken: Set<string>): string {
  let name = relative;
  for (let n = 2; taken.has(name); n++) name = `${relative}-${n}`;
  taken.add(name);
  return name;
}

function mirrorKey(dataset: Dataset, format: OutputFormat, relative: string): string {
  const csv = dataset.target.compression.csv === 'gzip' ? 'csv.gz' : 'csv';
  return `${mirrorFolder(dataset.target, format)}${relative}.${format === 'csv' ? csv : format}`;
}
