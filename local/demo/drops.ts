import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { ZipFile } from 'yazl';

/** A file as it lands. */
export interface Drop {
  key: string;
  bytes: Buffer;
  /** For people. */
  what: string;
}

const DATA = join(import.meta.dirname, '..', '..', 'node_modules', 'vega-datasets', 'data');

/** The weather of two stations in four years (from the vega-datasets package), dropped as stations really drop it. */
export async function drops(): Promise<Drop[]> {
  const year = (wanted: string, location?: string) => csvOf(wanted, location);
  const zip = new ZipFile();
  zip.addBuffer(Buffer.from(year('2014', 'New York')), 'new-york.csv');
  zip.addBuffer(Buffer.from(year('2014', 'Seattle')), 'seattle.csv');
  zip.end();
  return [
    { key: 'stations/2012/observations.csv', bytes: Buffer.from(year('2012')), what: 'a plain CSV' },
    { key: 'stations/2013/observations.csv.gz', bytes: gzipSync(year('2013')), what: 'gzip' },
    { key: 'stations/2014/observations.zip', bytes: await buffer(zip.outputStream), what: 'a ZIP with two entries' },
    { key: 'stations/2015/observations.csv', bytes: Buffer.from(damage(year('2015'))), what: 'five broken rows in it' },
    { key: 'stations/2015/photo.csv', bytes: readFileSync(join(DATA, 'ffox.png')), what: 'no CSV at all' },
  ];
}

/** The last year again, as its station sends it once the rows are mended. */
export function mendedDrop(): Drop {
  return { key: 'stations/2015/observations.csv', bytes: Buffer.from(csvOf('2015')), what: 'the same file, mended' };
}

function csvOf(year: string, location = ''): string {
  const [header, ...lines] = readFileSync(join(DATA, 'weather.csv'), 'utf8').trimEnd().split(/\r?\n/);
  const wanted = lines.filter((line) => line.startsWith(location) && line.split(',')[1].startsWith(year));
  return `${[header, ...wanted].join('\n')}\n`;
}

/** Five rows as such files have them: a word in a number, an impossible date, a missing field, one too many, half a line. */
function damage(csv: string): string {
  const lines = csv.split('\n');
  lines[40] = lines[40].replace(/,[^,]*,([^,]*)$/, ',calm,$1');
  lines[99] = lines[99].replace(/2015-\d\d-\d\d/, '2015-02-30');
  lines[200] = lines[200].slice(0, lines[200].lastIndexOf(','));
  lines[310] = `${lines[310]},sun`;
  lines[500] = lines[500].slice(0, 12);
  return lines.join('\n');
}
