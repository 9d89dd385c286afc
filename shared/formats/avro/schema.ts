import { type Column, decimalOf } from '../../domain/schema.ts';
import { BadDataset } from '../../errors.ts';

/** How timestamps are written; `micros` only where the source has digits below the millisecond. */
export type AvroTimestamps = 'millis' | 'micros';

export type AvroValueType =
  | 'boolean'
  | 'int'
  | 'long'
  | 'float'
  | 'double'
  | 'string'
  | 'bytes'
  | { type: 'int'; logicalType: 'date' }
  | { type: 'long'; logicalType: 'timestamp-millis' | 'timestamp-micros' }
  | { type: 'bytes'; logicalType: 'decimal'; precision: number; scale: number };

export interface AvroField {
  name: string;
  type: ['null', AvroValueType];
  default: null;
  /** The source's own header, where the field's name is another. */
  'sluice.original'?: string;
}

export interface AvroRecordSchema {
  type: 'record';
  name: string;
  fields: AvroField[];
}

const AVRO_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const NEEDS_UNDERSCORE = /^_*[0-9]/;

/**
 * A column's name in Avro, where a name may not begin with a digit: such a name gets a `_` before it, and so does a name
 * that already looks like one that got it (`2020` → `_2020`, `_2020` → `__2020`). So two columns never meet in one name,
 * and a column's name does not depend on which others there are: a column added later moves none.
 *
 * Athena finds Avro fields by name, not by position, so a table over Avro files names its Glue columns like this
 * (`avroTableColumns`). Aliases would be no help: they must be legal names themselves.
 */
export function avroFieldName(column: string): string {
  return NEEDS_UNDERSCORE.test(column) ? `_${column}` : column;
}

/**
 * The schema of the Avro files of a table with these data columns. Every field is nullable with default null, so that
 * files without a later column can still be read. Decimals are `bytes`: Athena's readers fail on `fixed` ones.
 *
 * @param name record name; readers compare it, so it must be the same for all files of a table
 * @throws BadDataset where a name is not one that Avro allows or two fields have the same
 */
export function avroSchema(
  name: string,
  columns: readonly Column[],
  options: { timestamps: AvroTimestamps },
): AvroRecordSchema {
  const timestamp: AvroValueType = { type: 'long', logicalType: `timestamp-${options.timestamps}` };
  const fields = columns.map((column): AvroField => {
    const field = nullableField(column, timestamp);
    return column.original === field.name ? field : { ...field, 'sluice.original': column.original };
  });
  return recordSchema(name, fields);
}

/**
 * `avro.schema.literal` for the Glue table: the schema that readers project every file onto. It goes into the table's
 * parameters, never into a partition's, where it would hide columns added later.
 *
 * Microseconds stand here as plain `long`, to agree with the Glue column (`avroTableColumns`): at Athena's default
 * precision a `timestamp-micros` with digits below the millisecond fails or finds nothing.
 *
 * @throws BadDataset as `avroSchema`
 */
export function avroSchemaLiteral(
  name: string,
  columns: readonly Column[],
  options: { timestamps: AvroTimestamps },
): string {
  const timestamp: AvroValueType =
    options.timestamps === 'millis' ? { type: 'long', logicalType: 'timestamp-millis' } : 'long';
  return JSON.stringify(
    recordSchema(
      name,
      columns.map((column) => nullableField(column, timestamp)),
    ),
  );
}

/** The Glue columns of a table over Avro files: Avro's names, and a bigint of microseconds for `micros` timestamps. */
export function avroTableColumns(columns: readonly Column[], options: { timestamps: AvroTimestamps }): Column[] {
  return columns.map((column) => ({
    ...column,
    name: avroFieldName(column.name),
    type: column.type === 'timestamp' && options.timestamps === 'micros' ? 'bigint' : column.type,
  }));
}

function recordSchema(name: string, fields: AvroField[]): AvroRecordSchema {
  const record = avroFieldName(name);
  if (!AVRO_NAME.test(record)) {
    throw new BadDataset(`Cannot name an Avro record "${name}": only letters, digits and _ are allowed`);
  }
  const seen = new Set<string>();
  for (const field of fields) {
    if (!AVRO_NAME.test(field.name)) {
      throw new BadDataset(
        `Cannot name an Avro field "${field.name}" in ${name}: only letters, digits and _ are allowed`,
      );
    }
    if (seen.has(field.name)) throw new BadDataset(`Two columns of ${name} have the name ${field.name}`);
    seen.add(field.name);
  }
  return { type: 'record', name: record, fields };
}

function nullableField(column: Column, timestamp: AvroValueType): AvroField {
  return { name: avroFieldName(column.name), type: ['null', valueType(column, timestamp)], default: null };
}

function valueType(column: Column, timestamp: AvroValueType): AvroValueType {
  switch (column.type) {
    case 'boolean':
    case 'int':
    case 'float':
    case 'double':
    case 'string':
      return column.type;
    case 'bigint':
      return 'long';
    case 'binary':
      return 'bytes';
    case 'date':
      return { type: 'int', logicalType: 'date' };
    case 'timestamp':
      return timestamp;
    default: {
      const decimal = decimalOf(column.type);
      if (!decimal)
        throw new BadDataset(`Column ${column.name} has the type ${column.type}, which Avro files cannot hold`);
      return { type: 'bytes', logicalType: 'decimal', ...decimal };
    }
  }
}
