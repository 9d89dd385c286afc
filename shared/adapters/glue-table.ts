import type { Column as GlueColumn, Partition, PartitionInput, Table, TableInput } from '@aws-sdk/client-glue';
import { type Column, type ColumnType, isColumnType, OUTPUT_FORMATS, type OutputFormat } from '../domain/schema.ts';
import { BadInput } from '../errors.ts';
import { GLUE_COMMENT_MAX_BYTES } from '../limits.ts';
import type { CatalogPartition, PublishedTable, TableState } from '../ports/catalog.ts';

/** How Hive, and so Athena, Spark and Trino, write a null in place of a partition value. */
const NULL_VALUE = '__HIVE_DEFAULT_PARTITION__';

/** Table parameters that this adapter keeps for itself: the root, and what Glue's columns cannot say. */
const ROOT = 'sluice.root';
const COLUMNS = 'sluice.columns';
/** Hive's name for a row count; Trino and Athena plan joins by it. */
const ROWS = 'numRows';
/**
 * Location of an unpartitioned table while it has no rows. Not the root: replaced generations lie there until they are
 * retired, and Athena reads a location with everything under it. Nothing is ever written here.
 */
const EMPTY = '_empty/';

interface Serde {
  input: string;
  output: string;
  library: string;
  parameters: Record<string, string>;
  /** Table parameters that go with it. */
  table: Record<string, string>;
}

const SERDES: Record<OutputFormat, Serde> = {
  parquet: {
    input: 'org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat',
    output: 'org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat',
    library: 'org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe',
    parameters: { 'serialization.format': '1' },
    table: {},
  },
  avro: {
    input: 'org.apache.hadoop.hive.ql.io.avro.AvroContainerInputFormat',
    output: 'org.apache.hadoop.hive.ql.io.avro.AvroContainerOutputFormat',
    library: 'org.apache.hadoop.hive.serde2.avro.AvroSerDe',
    // No schema literal here: a partition's own would outlive the table's and hide columns that are added later.
    parameters: { 'serialization.format': '1' },
    table: {},
  },
  csv: {
    input: 'org.apache.hadoop.mapred.TextInputFormat',
    output: 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat',
    // LazySimpleSerDe knows no quotes and would cut a quoted field at its comma without a word. OpenCSVSerde reads them,
    // but fails on an empty number, and on any date that is not a count of days: so its columns are strings.
    library: 'org.apache.hadoop.hive.serde2.OpenCSVSerde',
    // Its escape is the backslash by default, which RFC 4180 takes as it is: a character that no text holds stands in.
    parameters: { separatorChar: ',', quoteChar: '"', escapeChar: '\u0001' },
    table: { 'skip.header.line.count': '1', delimiter: ',', columnsOrdered: 'true' },
  },
};

/** What Glue's own columns cannot say; a column without anything of the kind has no note. */
interface ColumnNote {
  name: string;
  original?: string;
  type?: ColumnType;
}

/** The values as Glue holds them. */
export function glueValues(values: CatalogPartition['values']): string[] {
  return values.map((value) => value ?? NULL_VALUE);
}

/** One name for the same values, however they were built. */
export function valuesKey(values: readonly string[]): string {
  return JSON.stringify(values);
}

/**
 * The table as it must be: ours over what is there. Columns that only the catalog has stay, at the end, since a column is
 * never taken away; so do parameters that others have set.
 */
export function tableInput(state: TableState, current: Table | undefined): TableInput {
  const serde = SERDES[state.format];
  const columns = allColumns(state, current);
  const partition = state.partitions[0];
  const partitioned = state.partitionColumns.length > 0;
  const rows: Record<string, string> = partitioned ? {} : { [ROWS]: String(partition?.rows ?? 0) };
  return {
    ...inherited(current),
    Name: state.table,
    TableType: 'EXTERNAL_TABLE',
    PartitionKeys: state.partitionColumns.map((column) => ({ Name: column.name, Type: column.type })),
    StorageDescriptor: {
      ...storage(state.format, columns, partitioned ? state.root : (partition?.location ?? state.root + EMPTY)),
      SortColumns: [],
      StoredAsSubDirectories: false,
    },
    Parameters: {
      ...current?.Parameters,
      ...serde.table,
      ...state.parameters,
      ...rows,
      EXTERNAL: 'TRUE',
      classification: state.format,
      typeOfData: 'file',
      [ROOT]: state.root,
      [COLUMNS]: JSON.stringify(notes(state)),
    },
  };
}

/** A partition as it must be. Its columns are always the table's: Athena shows of a partition what its columns name. */
export function partitionInput(partition: CatalogPartition, table: TableInput, format: OutputFormat): PartitionInput {
  const columns = (table.StorageDescriptor?.Columns ?? []).map(({ Name, Type }) => ({ Name, Type }));
  return {
    Values: glueValues(partition.values),
    StorageDescriptor: storage(format, columns, partition.location),
    Parameters: { [ROWS]: String(partition.rows) },
  };
}

/** Whether nothing that we set would change by writing `wanted` over the table. */
export function sameTable(current: Table, wanted: TableInput): boolean {
  return (
    current.TableType === wanted.TableType &&
    sameColumns(current.PartitionKeys, wanted.PartitionKeys) &&
    sameStorage(current.StorageDescriptor, wanted.StorageDescriptor) &&
    holds(current.Parameters, wanted.Parameters)
  );
}

export function samePartition(current: Partition, wanted: PartitionInput): boolean {
  return (
    sameStorage(current.StorageDescriptor, wanted.StorageDescriptor) && holds(current.Parameters, wanted.Parameters)
  );
}

/** What the port says of a Glue table. `BadInput` for one that Sluice did not make: it is never written over. */
export function publishedTable(table: Table): PublishedTable {
  const name = `${table.DatabaseName}.${table.Name}`;
  const parameters = table.Parameters ?? {};
  const root = parameters[ROOT];
  const format = OUTPUT_FORMATS.find((known) => known === parameters['classification']);
  if (root === undefined || format === undefined) {
    throw new BadInput(
      `Cannot publish into ${name}: the catalog holds a table of this name that Sluice did not make ` +
        `(it has no parameter ${ROOT}); drop it or choose another name`,
      { where: name },
    );
  }
  const known = readNotes(parameters[COLUMNS]);
  const { [ROOT]: _root, [COLUMNS]: _columns, [ROWS]: _rows, ...others } = parameters;
  return {
    database: table.DatabaseName ?? '',
    table: table.Name ?? '',
    format,
    root,
    columns: (table.StorageDescriptor?.Columns ?? []).map((column) => fromGlueColumn(column, known, name)),
    partitionColumns: (table.PartitionKeys ?? []).map((column) => fromGlueColumn(column, known, name)),
    parameters: others,
    version: table.VersionId ?? '',
  };
}

/** The one partition of an unpartitioned table, or none while it is empty. */
export function solePartition(table: Table): CatalogPartition[] {
  const location = table.StorageDescriptor?.Location ?? '';
  const root = table.Parameters?.[ROOT] ?? '';
  if (location === root + EMPTY) return [];
  return [{ values: [], location, files: [], rows: Number(table.Parameters?.[ROWS] ?? 0) }];
}

export function fromPartition(partition: Partition): CatalogPartition {
  return {
    values: (partition.Values ?? []).map((value) => (value === NULL_VALUE ? null : value)),
    location: partition.StorageDescriptor?.Location ?? '',
    files: [],
    rows: Number(partition.Parameters?.[ROWS] ?? 0),
  };
}

/** What an update must carry on from the table as it is: Glue replaces the whole of it. */
function inherited(current: Table | undefined): Partial<TableInput> {
  if (current === undefined) return {};
  const { Description, Owner, Retention } = current;
  return {
    ...(Description === undefined ? {} : { Description }),
    ...(Owner === undefined ? {} : { Owner }),
    ...(Retention === undefined ? {} : { Retention }),
  };
}

function allColumns(state: TableState, current: Table | undefined): GlueColumn[] {
  const taken = new Set([...state.columns, ...state.partitionColumns].map((column) => column.name));
  const kept = (current?.StorageDescriptor?.Columns ?? []).filter((column) => !taken.has(column.Name ?? ''));
  const own = state.columns.map((column) => ({
    Name: column.name,
    Type: state.format === 'csv' ? 'string' : column.type,
    ...(column.original === column.name ? {} : { Comment: comment(column.original) }),
  }));
  return [...own, ...kept];
}

function storage(format: OutputFormat, columns: GlueColumn[], location: string) {
  const serde = SERDES[format];
  return {
    Columns: columns,
    Location: location,
    InputFormat: serde.input,
    OutputFormat: serde.output,
    SerdeInfo: { SerializationLibrary: serde.library, Parameters: { ...serde.parameters } },
    // Hive's way to say: no buckets. Left out, Glue keeps a 0, which not every reader takes for that.
    NumberOfBuckets: -1,
  };
}

type Storage = Table['StorageDescriptor'];

function sameStorage(current: Storage, wanted: Storage): boolean {
  return (
    current?.Location === wanted?.Location &&
    current?.InputFormat === wanted?.InputFormat &&
    current?.OutputFormat === wanted?.OutputFormat &&
    current?.NumberOfBuckets === wanted?.NumberOfBuckets &&
    current?.SerdeInfo?.SerializationLibrary === wanted?.SerdeInfo?.SerializationLibrary &&
    current?.SerdeInfo?.Parameters?.['avro.schema.literal'] === undefined &&
    holds(current?.SerdeInfo?.Parameters, wanted?.SerdeInfo?.Parameters) &&
    sameColumns(current?.Columns, wanted?.Columns)
  );
}

function sameColumns(current: GlueColumn[] = [], wanted: GlueColumn[] = []): boolean {
  return (
    current.length === wanted.length &&
    wanted.every((column, i) => current[i]?.Name === column.Name && current[i]?.Type === column.Type)
  );
}

function holds(current: Record<string, string> = {}, wanted: Record<string, string> = {}): boolean {
  return Object.entries(wanted).every(([key, value]) => current[key] === value);
}

function notes(state: TableState): ColumnNote[] {
  return [...state.columns, ...state.partitionColumns].flatMap((column) => {
    const renamed = column.original !== column.name;
    const retyped = state.format === 'csv';
    if (!renamed && !retyped) return [];
    return [
      {
        name: column.name,
        ...(renamed ? { original: column.original } : {}),
        ...(retyped ? { type: column.type } : {}),
      },
    ];
  });
}

function readNotes(text: string | undefined): Map<string, ColumnNote> {
  const list = text === undefined ? [] : (JSON.parse(text) as ColumnNote[]);
  return new Map(list.map((note) => [note.name, note]));
}

function fromGlueColumn(column: GlueColumn, known: Map<string, ColumnNote>, table: string): Column {
  const name = column.Name ?? '';
  const note = known.get(name);
  const type = note?.type ?? column.Type ?? '';
  if (!isColumnType(type)) {
    throw new BadInput(
      `Cannot publish into ${table}: its column ${name} has the type ${type}, which Sluice never writes`,
      { where: table },
    );
  }
  return { name, original: note?.original ?? name, type };
}

/** For people, in `DESCRIBE`: one line, and no longer than Glue takes. The exact name is in `sluice.columns`. */
function comment(original: string): string {
  const line = original.replaceAll(/[\p{Cc}\p{Cs}]+/gu, ' ').trim();
  let kept = '';
  for (const character of line) {
    if (Buffer.byteLength(kept + character) > GLUE_COMMENT_MAX_BYTES) break;
    kept += character;
  }
  return kept;
}
