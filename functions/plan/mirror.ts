import type { RunRequest } from '../../shared/commit/run-files.ts';
import { tokenValues } from '../../shared/dataset/request.ts';
import { fillTokens } from '../../shared/domain/dates.ts';
import type { PlannedTable } from '../../shared/domain/load.ts';
import type { OutputFormat } from '../../shared/domain/schema.ts';
import type { PlannedFile } from '../../shared/domain/splits.ts';
import { schemaOf } from '../../shared/domain/table-schema.ts';
import type { Places } from '../../shared/ports/ports.ts';
import { fileColumns, writingOf } from './one-table.ts';
import type { FoundObject, Planned } from './step.ts';

/** `layout: mirror`: every file has its own schema and one output a format, under the same relative name. */
export function mirrorTables(fixed: RunRequest, found: FoundObject[], places: Places): Planned {
  const { dataset } = fixed.request;
  const { target, source: from } = dataset;
  const prefix = fillTokens(from.prefix, tokenValues(fixed.request));
  const tables: PlannedTable[] = [];
  const files: PlannedFile[] = [];
  const taken = new Set<string>();
  for (const { source, parts } of found) {
    for (const part of parts) {
      const schema = schemaOf([part], dataset);
      const writing = writingOf(fixed, schema.columns, schema, undefined);
      const relative = unique(relativeName(source.key, prefix, part.entry?.name, parts.length), taken);
      const keys = Object.fromEntries(
        target.formats.map((format) => [
          format,
          mirrorKey(target.path ?? '', format, relative, target.compression.csv),
        ]),
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

const INPUT_EXTENSION = /(\.(csv|tsv|txt|parquet|gz|zip|zst))+$/i;

/** `csv/2024/x.csv.gz` → `2024/x`; an entry of a ZIP of several → `2024/x/entry`. */
function relativeName(key: string, prefix: string, entry: string | undefined, parts: number): string {
  const folder = prefix.endsWith('/') ? prefix : prefix.slice(0, prefix.lastIndexOf('/') + 1);
  const relative = key.slice(folder.length).replace(INPUT_EXTENSION, '');
  if (entry === undefined || parts === 1) return relative;
  // An entry's name is for people: it must not climb out of the folder.
  const safe = entry.split(/[\\/]/).filter((segment) => segment !== '' && segment !== '.' && segment !== '..');
  return `${relative}/${safe.join('/').replace(INPUT_EXTENSION, '')}`;
}

/** Two objects of which only the extension differs must not meet in one output. */
function unique(relative: string, taken: Set<string>): string {
  let name = relative;
  for (let n = 2; taken.has(name); n++) name = `${relative}-${n}`;
  taken.add(name);
  return name;
}

function mirrorKey(path: string, format: OutputFormat, relative: string, csv: 'gzip' | 'none'): string {
  const extension = format === 'csv' ? (csv === 'gzip' ? 'csv.gz' : 'csv') : format;
  const folder = path === '' || path.endsWith('/') ? path : `${path}/`;
  return `${folder}${format}/${relative}.${extension}`;
}
