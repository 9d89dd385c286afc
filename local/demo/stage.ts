import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { LoadRequest } from '../../shared/dataset/request.ts';
import { toRequest } from '../../shared/dataset/to-request.ts';
import type { Invocation } from '../cli.ts';
import { colours as pc } from '../colours.ts';
import { datasetsIn } from '../datasets.ts';
import type { Home } from '../home.ts';

const MARK = '.demo';
const DATASETS = join(import.meta.dirname, '..', '..', 'datasets');

export const say = (text = '') => process.stdout.write(`${text}\n`);
export const title = (text: string) => say(`\n${pc.bold(text)}`);

/** Shows the command that does what comes next. */
export function command(folder: string, text: string): void {
  say(pc.dim(`$ npx sluice --home ${folder} ${text}`));
}

/** The folder is the demo's own: it is emptied, unless somebody else made it. */
export async function startAfresh(folder: string): Promise<void> {
  if (existsSync(folder)) {
    if (!existsSync(join(folder, MARK)))
      throw new Error(`${folder} is there already and is not the demo's; name another with --home`);
    await rm(folder, { recursive: true });
  }
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, MARK), '');
}

/** As the command line would be called. */
export function invocationOf(folder: string): Invocation {
  return {
    home: folder,
    tty: process.stderr.isTTY === true,
    signal: new AbortController().signal,
    output: {
      json: false,
      quiet: process.stderr.isTTY !== true,
      out: say,
      err: (text) => process.stderr.write(`${text}\n`),
    },
  };
}

export async function requestOf(home: Home, input: object): Promise<LoadRequest> {
  const datasets = await datasetsIn(DATASETS);
  const asked = toRequest(input, { environment: {}, datasets, places: home.places, now: new Date() });
  if ('nothing' in asked) throw new Error('The demo asks for nothing');
  return asked;
}

/** Puts an object into the landing bucket. */
export async function land(home: Home, key: string, bytes: Uint8Array | string): Promise<void> {
  const path = home.pathOf({ bucket: home.places.landing, key });
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, bytes);
}
