import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { NUMERIC_HEADER, numericRows, TRIPS_HEADER, tripRows } from './trips-rows.ts';

/** Bumped when what is generated changes, so that no old data is measured. */
const VERSION = 1;
const WRITE_BYTES = 4 * 1024 * 1024;

/** A CSV of trips of so many megabytes; made once. */
export function tripsCsv(folder: string, megabytes: number): Promise<string> {
  return made(folder, `trips-${megabytes}.csv`, (path) => writeRows(path, TRIPS_HEADER, tripRows(1), megabytes * 1e6));
}

/** A CSV of numbers of so many megabytes; made once. */
export function numericCsv(folder: string, megabytes: number): Promise<string> {
  return made(folder, `numeric-${megabytes}.csv`, (path) =>
    writeRows(path, NUMERIC_HEADER, numericRows(2), megabytes * 1e6),
  );
}

/** A file gzipped at zlib's default level. */
export function gzipped(folder: string, path: string, name: string): Promise<string> {
  return made(folder, name, (to) => pipeline(createReadStream(path), createGzip(), createWriteStream(to)));
}

/** A folder of small CSVs of trips, each with its header. */
export function smallCsvs(folder: string, files: number, kilobytes: number): Promise<string> {
  return made(folder, `small-${files}x${kilobytes}k`, async (path) => {
    await mkdir(path);
    const next = tripRows(3);
    for (let file = 0; file < files; file++) {
      await writeRows(join(path, `f${String(file).padStart(5, '0')}.csv`), TRIPS_HEADER, next, kilobytes * 1000);
    }
  });
}

/** The files of a folder, in their names' order. */
export async function filesIn(folder: string): Promise<string[]> {
  return (await readdir(folder)).sort().map((name) => join(folder, name));
}

async function made(folder: string, name: string, make: (path: string) => Promise<void>): Promise<string> {
  const data = join(folder, 'data');
  await mkdir(data, { recursive: true });
  const path = join(data, `v${VERSION}-${name}`);
  if (await stat(path).catch(() => undefined)) return path;
  // Under another name first: what was broken off is not taken for whole.
  const half = `${path}.part`;
  await rm(half, { recursive: true, force: true });
  await make(half);
  await rename(half, path);
  return path;
}

/** Rows behind a header until the file has so many bytes. */
async function writeRows(path: string, header: string, next: () => string, bytes: number): Promise<void> {
  const file = await open(path, 'w');
  try {
    let written = 0;
    let text = `${header}\n`;
    for (;;) {
      while (text.length < WRITE_BYTES && written + text.length < bytes) text += next();
      await file.writeFile(text);
      written += text.length;
      text = '';
      if (written >= bytes) return;
    }
  } finally {
    await file.close();
  }
}
