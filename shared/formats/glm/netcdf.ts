import { type Dataset, File, ready } from 'h5wasm';
import { CorruptFile, SluiceError } from '../../errors.ts';

/** A variable as netCDF's conventions mean it: unsigned where it says so, missing values marked, scale and offset applied. */
export interface Variable {
  values: Float64Array;
  /** 1 where the value is missing; undefined where none is. */
  missing: Uint8Array | undefined;
  /** What is stored, before scale and offset, and the bounds of `valid_range` in the same terms. */
  stored: ArrayLike<number>;
  validRange: [low: number, high: number] | undefined;
  units: string | undefined;
}

export interface NetcdfFile {
  has(name: string): boolean;
  /** The names of all variables; dimensions without values are none. */
  names(): string[];
  variable(name: string): Variable;
  /** The length of a variable's first dimension; 1 for a scalar. */
  length(name: string): number;
  /** A global attribute as text; undefined where there is none. */
  attribute(name: string): string | undefined;
}

let files = 0;

/**
 * Opens a netCDF-4 file that lies in memory, for as long as `work` takes. The HDF5 library reads from a file system of its own
 * in memory: nothing touches the disk.
 *
 * @throws CorruptFile where the library cannot read it: cut short, a chunk that does not decompress, no HDF5 at all
 */
export async function withNetcdf<T>(bytes: Uint8Array, where: string, work: (file: NetcdfFile) => T): Promise<T> {
  const { FS, activate_throwing_error_handler } = await ready;
  // Without it a chunk that is corrupt reads as whatever lies in the memory.
  activate_throwing_error_handler();
  const path = `/netcdf-${files++}`;
  let file: File | undefined;
  try {
    FS.writeFile(path, bytes);
    file = new File(path, 'r');
    return work(reader(file));
  } catch (cause) {
    if (cause instanceof SluiceError) throw cause;
    throw new CorruptFile(`Cannot read ${where} as netCDF-4: ${reasonOf(cause)}`, { where, cause });
  } finally {
    // A file that could not be opened has no handle to close.
    if (file !== undefined && file.file_id > 0n) file.close();
    FS.unlink(path);
  }
}

function reader(file: File): NetcdfFile {
  const dataset = (name: string): Dataset => file.get(name) as Dataset;
  const isDimension = (name: string) => {
    const note = dataset(name).attrs['NAME']?.value;
    return typeof note === 'string' && note.startsWith('This is a netCDF dimension but not a netCDF variable');
  };
  const names = new Set(file.keys());
  return {
    has: (name) => names.has(name),
    names: () => [...names].filter((name) => !isDimension(name)),
    variable: (name) => decode(dataset(name)),
    length: (name) => dataset(name).shape?.[0] ?? 1,
    attribute(name) {
      const value = file.attrs[name]?.value;
      return typeof value === 'string' ? value : undefined;
    },
  };
}

function decode(dataset: Dataset): Variable {
  const read = dataset.value as ArrayLike<number> | number;
  const signed = typeof read === 'number' ? [read] : read;
  const isUnsigned = String(attributeOf(dataset, '_Unsigned') ?? '').toLowerCase() === 'true';
  const unsigned = isUnsigned ? unsignedOf(dataset.metadata.size) : (value: number) => value;
  const stored = new Float64Array(signed.length);
  for (let i = 0; i < stored.length; i++) stored[i] = unsigned(signed[i]!);

  const fill = numberOf(dataset, '_FillValue') ?? defaultFill(dataset.dtype);
  const scale = numberOf(dataset, 'scale_factor');
  const offset = numberOf(dataset, 'add_offset');
  // In the attributes' own precision, as everybody computes it: with more digits the values would be others.
  const isSingle = String(dataset.attrs['scale_factor']?.dtype ?? '').endsWith('f');
  const round = isSingle ? Math.fround : (value: number) => value;
  const values = new Float64Array(stored.length);
  let missing: Uint8Array | undefined;
  const absent = fill === undefined ? undefined : unsigned(fill);
  for (let i = 0; i < values.length; i++) {
    const value = stored[i]!;
    if (value === absent || Number.isNaN(value)) {
      missing ??= new Uint8Array(values.length);
      missing[i] = 1;
      values[i] = Number.NaN;
      continue;
    }
    const scaled = scale === undefined ? value : round(value * scale);
    values[i] = offset === undefined ? scaled : round(scaled + offset);
  }
  const range = dataset.attrs['valid_range']?.value as ArrayLike<number> | undefined;
  return {
    values,
    missing,
    stored,
    validRange: range === undefined ? undefined : [unsigned(range[0]!), unsigned(range[1]!)],
    units: attributeOf(dataset, 'units') as string | undefined,
  };
}

/** NetCDF has no unsigned type in its classic model: the bits of a signed one are meant. */
function unsignedOf(bytes: number): (value: number) => number {
  const modulus = 2 ** (8 * bytes);
  return (value) => (value < 0 ? value + modulus : value);
}

/** What netCDF fills variables with that name no value (netcdf.h); none for single bytes. */
function defaultFill(dtype: unknown): number | undefined {
  return { '<h': -32767, '<i': -2147483647, '<f': 9.969209968386869e36, '<d': 9.969209968386869e36 }[String(dtype)];
}

function attributeOf(dataset: Dataset, name: string): unknown {
  const value = dataset.attrs[name]?.value;
  return typeof value === 'object' && value !== null && 'length' in value ? (value as ArrayLike<unknown>)[0] : value;
}

function numberOf(dataset: Dataset, name: string): number | undefined {
  const value = attributeOf(dataset, name);
  return typeof value === 'number' ? value : typeof value === 'bigint' ? Number(value) : undefined;
}

/** The first sentence of what the library says; HDF5 adds a stack of its own. */
function reasonOf(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause);
  return text.split('\n', 1)[0]!.trim().slice(0, 200) || 'the library gives no reason';
}
