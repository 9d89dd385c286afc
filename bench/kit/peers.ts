import { execFile } from 'node:child_process';
import { access, copyFile, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Contender, WrittenFile } from './contest.ts';

const exec = promisify(execFile);
const PEERS = join(import.meta.dirname, '..', 'peers');

/** What a column's values are compared as. */
export type Kind = 'int' | 'double' | 'timestamp' | 'text';
export type Kinds = Record<string, Kind>;

export const TRIPS_KINDS: Kinds = {
  trip_id: 'int',
  vendor_id: 'int',
  pickup_at: 'timestamp',
  dropoff_at: 'timestamp',
  passengers: 'int',
  distance: 'double',
  fare: 'double',
  tip: 'double',
  city: 'text',
  payment: 'text',
  lat: 'double',
  note: 'text',
};

export const NUMERIC_KINDS: Kinds = { id: 'int', lat: 'double', lon: 'double', energy: 'double', at: 'double' };

/** The Python of an environment with the peers' packages; made once for each version of the requirements. */
export async function peersPython(folder: string, log: (line: string) => void): Promise<string> {
  const venv = join(folder, 'venv');
  const python = join(venv, 'bin', 'python');
  const requirements = join(PEERS, 'requirements.txt');
  const mark = join(venv, 'complete');
  const wanted = await readFile(requirements, 'utf8');
  const held = await readFile(mark, 'utf8').catch(() => undefined);
  if (held === wanted) return python;
  log('Making a Python environment for the peers (once; a minute or so)');
  await rm(venv, { recursive: true, force: true });
  await exec('python3', ['-m', 'venv', venv]);
  await exec(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements]);
  await copyFile(requirements, mark);
  return python;
}

export interface PeerWork {
  inputs: readonly string[];
  formats: readonly ('parquet' | 'avro')[];
  kinds: Kinds;
  /** A day of this column is a partition. */
  dayOf?: string;
}

/** A peer of `peers/convert.py` at work. */
export function peer(python: string, tool: string, name: string, work: PeerWork, rounds?: number): Contender {
  return {
    name,
    program: python,
    args: (folder) => [join(PEERS, 'convert.py'), tool, JSON.stringify({ ...work, folder })],
    ...(rounds === undefined ? {} : { rounds }),
  };
}

/** Whether Spark can start here; it wants a Java. */
export async function hasJava(): Promise<boolean> {
  return exec('java', ['-version']).then(
    () => true,
    () => false,
  );
}

export interface Checksum {
  rows: number;
  sum: string;
}

/** Rows and checksum of files, whatever the order of their rows: CSV by Python's own module, Parquet by pyarrow, Avro by fastavro. */
export async function checksumOf(
  python: string,
  files: readonly Pick<WrittenFile, 'path' | 'format'>[],
  kinds: Kinds,
): Promise<Checksum> {
  const list = join(tmpdir(), `sluice-checksum-${process.pid}.json`);
  await writeFile(list, JSON.stringify({ files, kinds }));
  try {
    const { stdout } = await exec(python, [join(PEERS, 'checksum.py'), list], { maxBuffer: 1 << 20 });
    return JSON.parse(stdout) as Checksum;
  } finally {
    await rm(list, { force: true });
  }
}

/** The checksum of the source itself, kept beside it. */
export async function sourceChecksum(
  python: string,
  source: string,
  inputs: readonly string[],
  kinds: Kinds,
): Promise<Checksum> {
  const kept = `${source}.checksum.json`;
  if (
    await access(kept).then(
      () => true,
      () => false,
    )
  )
    return JSON.parse(await readFile(kept, 'utf8')) as Checksum;
  const found = await checksumOf(
    python,
    inputs.map((path) => ({ path, format: 'csv' })),
    kinds,
  );
  await writeFile(kept, JSON.stringify(found));
  return found;
}

/** Throws unless the files of each format hold exactly the source's rows. */
export async function checkFiles(
  python: string,
  name: string,
  files: readonly WrittenFile[],
  kinds: Kinds,
  source: Checksum,
): Promise<void> {
  for (const format of new Set(files.map((file) => file.format))) {
    const found = await checksumOf(
      python,
      files.filter((file) => file.format === format),
      kinds,
    );
    if (found.rows !== source.rows || found.sum !== source.sum) {
      throw new Error(
        `${name} wrote other rows as ${format}: ${found.rows} with checksum ${found.sum} where the source has ${source.rows} with ${source.sum}`,
      );
    }
  }
}
