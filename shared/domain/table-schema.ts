import { type Dataset, type DeclaredColumn, declaredColumns } from '../dataset/dataset.ts';
import { SchemaMismatch } from '../errors.ts';
import { type ColumnProfile, formOf, mergeProfiles, typeOf } from '../formats/csv/types.ts';
import type { FoundColumn, FoundPart } from './load.ts';
import { normaliseNames } from './names.ts';
import { suggestion } from './nearest.ts';
import type { Column, ColumnType } from './schema.ts';

/** One type for a column over all files of a load: by evidence, where files have some, else as the files state it. */
interface Gathered {
  original: string;
  profile: ColumnProfile | undefined;
  stated: ColumnType | undefined;
  format: string | undefined;
}

export interface LoadSchema {
  columns: Column[];
  /** strptime forms by column name, for dates and timestamps that are not ISO 8601. */
  formats: Map<string, string>;
  /** Digits below the second of the finest timestamp seen. */
  fractionDigits: number;
  /** Per file, in the given order: the normalised name of each of its columns. */
  names: string[][];
}

/**
 * The columns of a load, in order of first appearance; types declared by the data set win over what was found. Files are
 * matched by normalised name; names in `taken` are given to none. Throws `SchemaMismatch` where files state types that cannot be one.
 */
export function schemaOf(parts: FoundPart[], dataset: Dataset, taken: readonly string[] = []): LoadSchema {
  const declared = new Map(
    (declaredColumns(dataset) ?? []).map((column) => [normaliseNames([column.name])[0], column]),
  );
  const gathered = new Map<string, Gathered>();
  for (const name of declared.keys()) {
    gathered.set(name, {
      original: declared.get(name)!.name,
      profile: undefined,
      stated: undefined,
      format: undefined,
    });
  }
  const names = parts.map((part) =>
    normaliseNames(
      part.columns.map((column) => column.original),
      taken,
    ),
  );
  parts.forEach((part, file) => {
    part.columns.forEach((column, i) => {
      add(gathered, names[file][i], column);
    });
  });
  const formats = new Map<string, string>();
  let fractionDigits = 0;
  const columns = [...gathered].map(([name, found]): Column => {
    const { type, format } = decide(name, found, declared.get(name));
    if (format !== undefined) formats.set(name, format);
    fractionDigits = Math.max(fractionDigits, found.profile?.fractionDigits ?? (found.stated === 'timestamp' ? 6 : 0));
    return { name, original: found.original, type };
  });
  return { columns, formats, fractionDigits, names };
}

function add(gathered: Map<string, Gathered>, name: string, column: FoundColumn): void {
  const found = gathered.get(name);
  if (!found) {
    const { original, profile, type, format } = column;
    gathered.set(name, { original, profile, stated: profile ? undefined : type, format: profile ? undefined : format });
    return;
  }
  if (column.profile) {
    found.profile = found.profile ? mergeProfiles(found.profile, column.profile) : column.profile;
  } else {
    found.stated = found.stated === undefined ? column.type : commonType(name, found.stated, column.type);
  }
}

function decide(
  name: string,
  found: Gathered,
  declared: DeclaredColumn | undefined,
): { type: ColumnType; format?: string } {
  const inferred = found.profile ? typeOf(found.profile) : undefined;
  if (declared?.type) {
    const { type } = declared;
    const format = found.profile && (type === 'date' || type === 'timestamp') ? formOf(found.profile, type) : undefined;
    return { type, ...(format === undefined ? {} : { format }) };
  }
  if (found.stated === undefined) return inferred ?? { type: 'string' };
  if (!inferred) return { type: found.stated };
  return { type: commonType(name, found.stated, inferred.type) };
}

const WIDER: Record<string, ColumnType[]> = { int: ['bigint', 'double'], float: ['double'], bigint: ['double'] };

/** The narrower's next of kin where both fit it exactly enough to be one column of one load. */
function commonType(name: string, a: ColumnType, b: ColumnType): ColumnType {
  if (a === b) return a;
  if (WIDER[a]?.includes(b)) return b;
  if (WIDER[b]?.includes(a)) return a;
  throw new SchemaMismatch(`Column ${name} is ${a} in one file and ${b} in another`);
}

/**
 * Holds a file's columns against the declared ones. With a header, every declared column must be there by name; without,
 * columns go by position and their number must agree. Returns the file's columns under the names they load as.
 */
export function matchDeclared(
  columns: FoundColumn[],
  hasHeader: boolean,
  dataset: Dataset,
  where: string,
): FoundColumn[] {
  const declared = declaredColumns(dataset);
  if (!declared) return columns;
  if (!hasHeader) {
    if (columns.length !== declared.length) {
      throw new SchemaMismatch(
        `${where} has ${columns.length} columns and no header where the schema declares ${declared.length}`,
        { where },
      );
    }
    return columns.map((column, i) => ({ ...column, original: declared[i].name }));
  }
  const present = new Set(normaliseNames(columns.map((column) => column.original)));
  for (const { name } of declared) {
    if (present.has(normaliseNames([name])[0])) continue;
    throw new SchemaMismatch(
      `${where} has no column "${name}", which the schema declares${suggestion(
        name,
        columns.map((column) => column.original),
      )}`,
      { where },
    );
  }
  const wanted = new Set(declared.map(({ name }) => normaliseNames([name])[0]));
  const others = columns.filter((column) => !wanted.has(normaliseNames([column.original])[0]));
  if (others.length > 0 && dataset.evolution === 'fail') {
    const list = others.map((column) => `"${column.original}"`).join(', ');
    throw new SchemaMismatch(`${where} has columns that the schema does not declare: ${list}`, { where });
  }
  return columns;
}
