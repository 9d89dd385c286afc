import type { PartitionSpec } from '../engine/table-engine.ts';
import { BadDataset } from '../errors.ts';
import { normaliseName } from './names.ts';
import { suggestion } from './nearest.ts';
import type { Column, ColumnType } from './schema.ts';

/**
 * What `partitionBy` may say: a column, a part of a date or timestamp column (`day(ts)`), or a constant of the run
 * (`data_ref`); `name=…` before any of them renames the partition column.
 */

export type DatePart = 'year' | 'month' | 'day' | 'hour';

/** An item by its grammar alone, before the columns are known. */
export interface PartitionItem {
  /** As written. */
  text: string;
  /** The name given to it, if any. */
  alias: string | undefined;
  /** The item without its alias. */
  expression: string;
  /** A column or a constant. */
  subject: string;
  part: DatePart | undefined;
}

/**
 * A part is the instant cut to it, as in Iceberg's transforms, and never a number that comes back every year: so that
 * `month(ts)` by itself tells January 2024 from January 2025, and replacing a partition replaces no other year's.
 */
export const PART_TYPES: Readonly<Record<DatePart, ColumnType>> = {
  /** 2012 */
  year: 'int',
  /** 2012-01 */
  month: 'string',
  /** 2012-01-05 */
  day: 'date',
  /** 2012-01-05-13 */
  hour: 'string',
};

const PARTS = Object.keys(PART_TYPES) as DatePart[];
const ITEM = /^\s*(?:([^=()]*?)\s*=)?\s*(.*?)\s*$/s;
const CALL = /^(\w+)\(\s*(.*?)\s*\)$/s;
const ALIAS = /^[a-z0-9_]+$/;

/** Throws `BadDataset` for an item that is none of column, part(column), constant. */
export function parsePartitionItem(text: string): PartitionItem {
  const [, alias, expression = ''] = ITEM.exec(text) ?? [];
  if (alias !== undefined && !ALIAS.test(alias)) {
    throw new BadDataset(
      `partitionBy "${text}" names its column "${alias}"; a name has lower-case letters, digits and _`,
    );
  }
  const call = CALL.exec(expression);
  const subject = call ? call[2]! : expression;
  if (subject === '') throw new BadDataset(`partitionBy "${text}" names no column`);
  if (call === null) return { text, alias, expression, subject, part: undefined };
  const part = PARTS.find((known) => known === call[1]);
  if (part === undefined) {
    throw new BadDataset(
      `partitionBy "${text}" calls ${call[1]}(); known are ${PARTS.map((known) => `${known}()`).join(', ')}` +
        suggestion(call[1]!, PARTS),
    );
  }
  return { text, alias, expression, subject, part };
}

/**
 * The partition columns of a table. Columns are found by their name in the table or by the original one, and go before a
 * constant of the same name. Throws `BadDataset`, naming the item, what there is, and what is most like it.
 */
export function resolvePartitions(
  items: readonly string[],
  columns: readonly Column[],
  constants: Readonly<Record<string, string>>,
): PartitionSpec[] {
  const specs: PartitionSpec[] = [];
  for (const text of items) {
    const item = parsePartitionItem(text);
    const spec = resolveItem(item, columns, new Map(Object.entries(constants)));
    if (specs.some((earlier) => earlier.name === spec.name)) {
      throw new BadDataset(
        `partitionBy "${text}" makes a second column "${spec.name}"; rename it: other=${item.expression}`,
      );
    }
    const isItself = 'column' in spec.from && !('part' in spec.from) && spec.from.column === spec.name;
    if (!isItself && columns.some((column) => column.name === spec.name)) {
      throw new BadDataset(
        `partitionBy "${text}" makes a column "${spec.name}", which the table has already; rename it: other=${item.expression}`,
      );
    }
    specs.push(spec);
  }
  const left = columns.filter((column) => !specs.some((spec) => spec.name === column.name));
  if (columns.length > 0 && left.length === 0) {
    throw new BadDataset(`partitionBy takes all ${columns.length} columns; a table needs one that is not a partition`);
  }
  return specs;
}

/**
 * The table columns of a list of names, such as `sortBy`, found by their name in the table or by the original one. Throws
 * `BadDataset` for an unknown one, naming `what` it was for.
 */
export function resolveColumns(names: readonly string[], columns: readonly Column[], what: string): Column[] {
  return names.map((name) => {
    const column = findColumn(name, columns);
    if (column === undefined) throw new BadDataset(unknownColumn(`${what} "${name}"`, name, columns, []));
    return column;
  });
}

/** By the original name, else by the table's, else by what the name would be in the table. */
export function findColumn(name: string, columns: readonly Column[]): Column | undefined {
  const normalised = normaliseName(name);
  return (
    columns.find((column) => column.original === name) ??
    columns.find((column) => column.name === name) ??
    columns.find((column) => column.name === normalised)
  );
}

function resolveItem(
  item: PartitionItem,
  columns: readonly Column[],
  constants: ReadonlyMap<string, string>,
): PartitionSpec {
  const column = findColumn(item.subject, columns);
  if (column === undefined) {
    const constant = item.part === undefined ? constants.get(item.subject) : undefined;
    if (constant === undefined) {
      const known = item.part === undefined ? [...constants.keys()] : [];
      throw new BadDataset(unknownColumn(`partitionBy "${item.text}"`, item.subject, columns, known));
    }
    return { name: item.alias ?? item.subject, from: { constant }, type: 'string' };
  }
  if (item.part === undefined) {
    if (column.type === 'binary') {
      throw new BadDataset(`partitionBy "${item.text}": column "${column.name}" is binary, which no path can hold`);
    }
    return { name: item.alias ?? column.name, from: { column: column.name }, type: column.type };
  }
  if (column.type !== 'timestamp' && !(column.type === 'date' && item.part !== 'hour')) {
    const wanted = item.part === 'hour' ? 'a timestamp' : 'a date or timestamp';
    throw new BadDataset(
      `partitionBy "${item.text}": ${item.part}() takes ${wanted}, but column "${column.name}" is ${column.type}`,
    );
  }
  const from = { column: column.name, part: item.part };
  return { name: item.alias ?? item.part, from, type: PART_TYPES[item.part] };
}

function unknownColumn(what: string, name: string, columns: readonly Column[], constants: string[]): string {
  const names = columns.map((column) => column.name);
  const also = constants.length > 0 ? `; constants are ${constants.join(', ')}` : '';
  return `${what} is no column of the table: it has ${names.join(', ') || 'none'}${also}${suggestion(name, [...names, ...constants])}`;
}
