import { File, ready } from 'h5wasm';
import { type GranuleIdentity, nameOfIdentity } from './identity.ts';

/** What a granule is made of; children name the index of their parent. Degrees, joules, km², offsets in milliseconds. */
export interface GranuleContent {
  identity: GranuleIdentity;
  flashes: { lat: number; lon: number; area: number; energy: number; firstMs: number; lastMs: number }[];
  groups: { flash: number; lat: number; lon: number; area: number; energy: number; timeMs: number }[];
  events: { group: number; lat: number; lon: number; energy: number; timeMs: number }[];
  /** Number of the first flash, group and event. */
  firstIds: { flash: number; group: number; event: number };
}

/** As NOAA packs them: steps and beginnings of 16 bits. */
const LATITUDE = { scale: 0.0020312799606472254, offset: -66.55999755859375 };
const LONGITUDE = { scale: 0.0020312799606472254, offset: -141.55999755859375 };
const AREA = { scale: 0.15163901448249817, offset: 63.095733642578125 };
const ENERGY = { scale: 1.5259699826644982e-15, offset: 0 };
const OFFSET_MS = 2;
const NO_VALUE = -1;
let files = 0;

/**
 * A granule as NOAA's files have it, in bytes: for tests and demonstrations. Longitudes are of a satellite at 75° W, from
 * 141.56° W to 8.44° W.
 */
export async function writeGranule(content: GranuleContent): Promise<Uint8Array> {
  const { FS } = await ready;
  const path = `/granule-${files++}`;
  const file = new File(path, 'w');
  try {
    writeAttributes(file, content.identity);
    writeVariables(file, content);
  } finally {
    file.close();
  }
  const bytes = FS.readFile(path);
  FS.unlink(path);
  return bytes;
}

function writeAttributes(file: File, identity: GranuleIdentity): void {
  const time = (microseconds: number) => `${new Date(microseconds / 1000).toISOString().slice(0, -3)}Z`;
  const attributes = {
    title: 'GLM L2 Lightning Detections: Events, Groups, and Flashes',
    dataset_name: nameOfIdentity(identity),
    platform_ID: identity.satellite,
    time_coverage_start: time(identity.start),
    time_coverage_end: time(identity.end),
    date_created: time(identity.created),
  };
  for (const [name, value] of Object.entries(attributes)) file.create_attribute(name, value);
}

function writeVariables(file: File, { identity, flashes, groups, events, firstIds }: GranuleContent): void {
  const start = new Date(identity.start / 1000).toISOString().replace('T', ' ').slice(0, -1);
  const since = `milliseconds since ${start}`;
  const seconds = (microseconds: number) => microseconds / 1e6 - Date.UTC(2000, 0, 1, 12) / 1000;
  put(file, 'product_time', Float64Array.of(seconds(identity.start)), '<d', {
    units: 'seconds since 2000-01-01 12:00:00',
  });
  put(file, 'product_time_bounds', Float64Array.of(seconds(identity.start), seconds(identity.end)), '<d', {});
  const shorts = (values: number[]) => Int16Array.from(values, (value) => value & 0xffff);
  const ids = (values: number[]) => Int32Array.from(values, (value) => value | 0);
  const packed = (name: string, values: number[], { scale, offset }: typeof LATITUDE, units: string) => {
    const steps = values.map((value) => Math.max(0, Math.min(65_530, Math.round((value - offset) / scale))));
    put(file, name, shorts(steps), '<h', {
      _FillValue: Int16Array.of(NO_VALUE),
      _Unsigned: 'true',
      valid_range: Int16Array.of(0, -6),
      scale_factor: Float32Array.of(scale),
      add_offset: Float32Array.of(offset),
      units,
    });
  };
  const times = (name: string, values: number[]) => {
    put(file, name, shorts(values.map((value) => Math.round(value / OFFSET_MS))), '<h', {
      scale_factor: Float32Array.of(OFFSET_MS),
      add_offset: Float32Array.of(0),
      units: since,
    });
  };
  const singles = (name: string, values: number[], units: string) =>
    put(file, name, Float32Array.from(values), '<f', { units });
  const unsigned = { _Unsigned: 'true', units: '1' };
  const flags = { _FillValue: Int16Array.of(NO_VALUE), _Unsigned: 'true', valid_range: Int16Array.of(0, 5) };

  put(file, 'flash_id', shorts(flashes.map((_, i) => firstIds.flash + i)), '<h', unsigned);
  times(
    'flash_time_offset_of_first_event',
    flashes.map(({ firstMs }) => firstMs),
  );
  times(
    'flash_time_offset_of_last_event',
    flashes.map(({ lastMs }) => lastMs),
  );
  singles(
    'flash_lat',
    flashes.map(({ lat }) => lat),
    'degrees_north',
  );
  singles(
    'flash_lon',
    flashes.map(({ lon }) => lon),
    'degrees_east',
  );
  packed(
    'flash_area',
    flashes.map(({ area }) => area),
    AREA,
    'km2',
  );
  packed(
    'flash_energy',
    flashes.map(({ energy }) => energy),
    ENERGY,
    'J',
  );
  put(file, 'flash_quality_flag', shorts(flashes.map(() => 0)), '<h', flags);

  put(file, 'group_id', ids(groups.map((_, i) => firstIds.group + i)), '<i', unsigned);
  put(file, 'group_parent_flash_id', shorts(groups.map(({ flash }) => firstIds.flash + flash)), '<h', unsigned);
  times(
    'group_time_offset',
    groups.map(({ timeMs }) => timeMs),
  );
  singles(
    'group_lat',
    groups.map(({ lat }) => lat),
    'degrees_north',
  );
  singles(
    'group_lon',
    groups.map(({ lon }) => lon),
    'degrees_east',
  );
  packed(
    'group_area',
    groups.map(({ area }) => area),
    AREA,
    'km2',
  );
  packed(
    'group_energy',
    groups.map(({ energy }) => energy),
    ENERGY,
    'J',
  );
  put(file, 'group_quality_flag', shorts(groups.map(() => 0)), '<h', flags);

  put(file, 'event_id', ids(events.map((_, i) => firstIds.event + i)), '<i', unsigned);
  put(file, 'event_parent_group_id', ids(events.map(({ group }) => firstIds.group + group)), '<i', unsigned);
  times(
    'event_time_offset',
    events.map(({ timeMs }) => timeMs),
  );
  packed(
    'event_lat',
    events.map(({ lat }) => lat),
    LATITUDE,
    'degrees_north',
  );
  packed(
    'event_lon',
    events.map(({ lon }) => lon),
    LONGITUDE,
    'degrees_east',
  );
  packed(
    'event_energy',
    events.map(({ energy }) => energy),
    ENERGY,
    'J',
  );
}

type Values = Int16Array | Int32Array | Float32Array | Float64Array;

function put(
  file: File,
  name: string,
  data: Values,
  dtype: string,
  attributes: Record<string, string | Int16Array | Float32Array>,
): void {
  const chunked = data.length > 1 ? { chunks: [data.length], compression: 1 } : {};
  const dataset = file.create_dataset({ name, data, shape: [data.length], dtype, ...chunked });
  for (const [attribute, value] of Object.entries(attributes)) {
    if (typeof value === 'string') dataset.create_attribute(attribute, value);
    else dataset.create_attribute(attribute, value, [value.length], value instanceof Float32Array ? '<f' : '<h');
  }
}
