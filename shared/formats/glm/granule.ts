import { CorruptFile, UnknownFormat } from '../../errors.ts';
import type { PlainColumn } from '../parquet/write-columns.ts';
import {
  AREA_OVERFLOW,
  GLM_LEVELS,
  GLM_TABLES,
  type GlmBox,
  type GlmColumn,
  type GlmLevel,
  type GlmOptions,
  glmColumns,
} from './columns.ts';
import { type GranuleIdentity, identityOfName, microsecondsOf } from './identity.ts';
import { type NetcdfFile, type Variable, withNetcdf } from './netcdf.ts';

/** One level of a granule as columns of a table. */
export interface GlmTable {
  level: GlmLevel;
  rows: number;
  columns: (PlainColumn & GlmColumn)[];
}

export interface Granule {
  identity: GranuleIdentity;
  tables: GlmTable[];
}

/**
 * Reads a granule of the Geostationary Lightning Mapper (GOES-R, L2 LCFA): flashes, groups and events as three tables. Every
 * row is kept, whatever it shares with others; a box keeps the flashes in it with all their groups and events.
 *
 * @param where names the object in errors, and the granule where its attributes do not
 * @throws CorruptFile for a file that is cut short or damaged, UnknownFormat for netCDF or HDF5 of another product
 */
export function readGranule(bytes: Uint8Array, where: string, options: GlmOptions = {}): Promise<Granule> {
  return withNetcdf(bytes, where, (file) => {
    checkProduct(file, where);
    const identity = identityOf(file, where);
    const levels = options.levels ?? GLM_LEVELS;
    const kept = options.box === undefined ? undefined : rowsInBox(file, options.box);
    return { identity, tables: levels.map((level) => tableOf(file, level, identity, kept?.[level], options, where)) };
  });
}

/** The rows of each level, without a look at their values. Throws as `readGranule` does. */
export function describeGranule(bytes: Uint8Array, where: string): Promise<Record<GlmLevel, number>> {
  return withNetcdf(bytes, where, (file) => {
    checkProduct(file, where);
    const rows = (level: GlmLevel) => file.length(GLM_TABLES[level].id);
    return { flashes: rows('flashes'), groups: rows('groups'), events: rows('events') };
  });
}

function checkProduct(file: NetcdfFile, where: string): void {
  const needed = [
    'product_time',
    ...Object.values(GLM_TABLES).flatMap(({ id, parent, latitude, longitude, times }) => [
      ...[id, latitude, longitude],
      ...Object.values(times),
      ...(parent ? [parent.id] : []),
    ]),
  ];
  const lacking = needed.filter((name) => !file.has(name));
  if (lacking.length === 0) return;
  const title = file.attribute('title');
  throw new UnknownFormat(
    `${where} is HDF5 but no granule of lightning (GLM L2 LCFA)${title ? `, but "${title}"` : ''}: it lacks ${lacking.slice(0, 3).join(', ')}${lacking.length > 3 ? ' and more' : ''}`,
    { where },
  );
}

/** Seconds since 2000-01-01 12:00, which product_time counts, at 1970. */
const J2000_SECONDS = Date.UTC(2000, 0, 1, 12) / 1000;

function productTime(file: NetcdfFile): number {
  const variable = file.variable('product_time');
  const since = /^seconds since (\S+)[ T](\S+)/.exec(variable.units ?? '');
  const epoch = since ? Date.parse(`${since[1]}T${since[2]}Z`) / 1000 : J2000_SECONDS;
  return Math.round((variable.values[0]! + epoch) * 1e6);
}

function identityOf(file: NetcdfFile, where: string): GranuleIdentity {
  const named = identityOfName(file.attribute('dataset_name') ?? '') ?? identityOfName(where);
  const start = microsecondsOf(file.attribute('time_coverage_start')) ?? named?.start ?? productTime(file);
  const end = microsecondsOf(file.attribute('time_coverage_end')) ?? named?.end;
  const created = microsecondsOf(file.attribute('date_created')) ?? named?.created;
  const satellite = file.attribute('platform_ID') ?? named?.satellite;
  if (satellite === undefined || end === undefined || created === undefined) {
    throw new UnknownFormat(`${where} does not say of which satellite and time it is`, { where });
  }
  return { satellite, start, end, created };
}

function tableOf(
  file: NetcdfFile,
  level: GlmLevel,
  identity: GranuleIdentity,
  kept: Uint32Array | undefined,
  options: GlmOptions,
  where: string,
): GlmTable {
  const { id, latitude, longitude, times } = GLM_TABLES[level];
  const count = file.length(id);
  const rows = kept?.length ?? count;
  const pick = (values: Float64Array): Float64Array => {
    if (values.length !== count) {
      throw new CorruptFile(`${where} has ${values.length} values where it has ${count} ${level}`, { where });
    }
    return kept === undefined ? values : Float64Array.from(kept, (row) => values[row]!);
  };
  const pickMissing = (missing: Uint8Array | undefined) =>
    missing === undefined || kept === undefined ? missing : Uint8Array.from(kept, (row) => missing[row]!);
  const constants: Record<string, string | number> = {
    satellite: identity.satellite,
    granule_start: identity.start,
    granule_end: identity.end,
    granule_created: identity.created,
  };
  const columns = glmColumns(level, options).map((column): PlainColumn & GlmColumn => {
    const constant = constants[column.name];
    if (constant !== undefined) return { ...column, values: constant };
    if (column.name === AREA_OVERFLOW.name) {
      return { ...column, values: pick(Float64Array.from(areaOverflow(file))) };
    }
    const offsets = times[column.name];
    if (offsets !== undefined) {
      const { values, missing } = timesOf(file, offsets, where);
      return withNulls(column, pick(values), pickMissing(missing));
    }
    if (!file.has(column.name))
      return { ...column, values: new Float64Array(rows), nulls: new Uint8Array(rows).fill(1) };
    const variable = file.variable(column.name);
    let { missing } = variable;
    let { values } = variable;
    if (column.name === 'flash_area') missing = either(missing, areaOverflow(file));
    else if (column.name === 'group_area') missing = either(missing, outOfRange(variable));
    if (column.name === longitude || column.name === latitude) {
      missing = either(
        missing,
        Uint8Array.from(values, (value) => (Number.isFinite(value) ? 0 : 1)),
      );
    }
    if (column.name === longitude) values = values.map(wrapLongitude);
    return withNulls(column, pick(values), pickMissing(missing));
  });
  return { level, rows, columns };
}

function withNulls(column: GlmColumn, values: Float64Array, nulls: Uint8Array | undefined): PlainColumn & GlmColumn {
  return nulls === undefined ? { ...column, values } : { ...column, values, nulls };
}

/** Times in whole microseconds: the granule's own and the row's offset, in the unit that the offset states. */
function timesOf(file: NetcdfFile, offsets: string, where: string): Pick<Variable, 'values' | 'missing'> {
  const { values, missing, units } = file.variable(offsets);
  const unit = /^(\w+) since /.exec(units ?? '')?.[1] ?? '';
  const microseconds = { milliseconds: 1e3, seconds: 1e6, microseconds: 1 }[unit];
  if (microseconds === undefined) {
    throw new CorruptFile(`${where} counts ${offsets} in "${units ?? 'no unit'}", not in seconds or milliseconds`, {
      where,
    });
  }
  const start = productTime(file);
  return { values: values.map((value) => start + Math.round(value * microseconds)), missing };
}

/** Longitudes of a satellite over the Pacific go on beyond 180 degrees west. */
export function wrapLongitude(degrees: number): number {
  if (degrees >= -180 && degrees < 180) return degrees;
  return ((((degrees + 180) % 360) + 360) % 360) - 180;
}

/**
 * 1 for flashes whose area was too large for its 16 bits: it is stored beyond the valid range, or has wrapped round, so that the
 * flash would be smaller than one of its own groups.
 */
function areaOverflow(file: NetcdfFile): Uint8Array {
  const overflow = new Uint8Array(file.length('flash_id'));
  if (!file.has('flash_area')) return overflow;
  const area = file.variable('flash_area');
  overflow.set(outOfRange(area));
  if (!file.has('group_area')) return overflow;
  const groups = file.variable('group_area');
  const parents = file.variable('group_parent_flash_id').values;
  const largest = new Map<number, number>();
  for (let i = 0; i < parents.length; i++) {
    if (!(groups.values[i]! <= (largest.get(parents[i]!) ?? 0))) largest.set(parents[i]!, groups.values[i]!);
  }
  const ids = file.variable('flash_id').values;
  for (let i = 0; i < ids.length; i++) {
    if (area.missing?.[i] === 1) continue;
    const group = largest.get(ids[i]!);
    // Both are rounded to the same steps; half of the group is less than any rounding can take away.
    if (group !== undefined && area.values[i]! < group / 2) overflow[i] = 1;
  }
  return overflow;
}

function outOfRange({ stored, validRange, missing }: Variable): Uint8Array {
  const [low, high] = validRange ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  return Uint8Array.from(stored, (value, i) => (missing?.[i] !== 1 && (value < low || value > high) ? 1 : 0));
}

function either(a: Uint8Array | undefined, b: Uint8Array): Uint8Array | undefined {
  if (!b.includes(1)) return a;
  return a === undefined ? b : a.map((value, i) => value | b[i]!);
}

/** The rows of each level that a box keeps. What has no parent in the granule is kept by its own place. */
function rowsInBox(file: NetcdfFile, box: GlmBox): Record<GlmLevel, Uint32Array> {
  const kept: Partial<Record<GlmLevel, Uint32Array>> = {};
  const inside: Partial<Record<GlmLevel, Map<number, boolean>>> = {};
  for (const level of GLM_LEVELS) {
    const { id, parent, latitude, longitude } = GLM_TABLES[level];
    const ids = file.variable(id).values;
    const latitudes = file.variable(latitude).values;
    const longitudes = file.variable(longitude).values;
    const parents = parent && file.variable(parent.id).values;
    const known = parent && inside[parent.level];
    const own = new Map<number, boolean>();
    const rows: number[] = [];
    for (let i = 0; i < ids.length; i++) {
      const isKept = (parents && known?.get(parents[i]!)) ?? isInBox(box, latitudes[i]!, wrapLongitude(longitudes[i]!));
      own.set(ids[i]!, isKept);
      if (isKept) rows.push(i);
    }
    inside[level] = own;
    kept[level] = Uint32Array.from(rows);
  }
  return kept as Record<GlmLevel, Uint32Array>;
}

function isInBox({ west, south, east, north }: GlmBox, latitude: number, longitude: number): boolean {
  if (!(latitude >= south && latitude <= north)) return false;
  return west <= east ? longitude >= west && longitude <= east : longitude >= west || longitude <= east;
}
