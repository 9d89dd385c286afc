/**
 * Sluice as its users run it: `sluice.ts WORK`, WORK being JSON of `SluiceWork`. The whole execution of the state machine over a home, from
 * its start until its end, committed and in the catalog; the sources lie there as links.
 */
import { readdirSync, statSync } from 'node:fs';
import { link, mkdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { execute } from '../../local/execute.ts';
import { openHome } from '../../local/home.ts';
import { parseDataset } from '../../shared/dataset/parse.ts';
import type { LoadRequest } from '../../shared/dataset/request.ts';
import type { Settings } from '../../shared/dataset/settings.ts';
// A home loads it when it is first needed; here it is loaded before, as the libraries of the others are.
import '../../shared/engine/duckdb-engine.ts';
import { measured } from './measured.ts';
import { spansOf } from './spans.ts';

export interface SluiceWork {
  inputs: string[];
  folder: string;
  target: Settings;
  source?: Settings;
  splitBytes?: number;
  /** The same work so many times before, each with a table of its own, so that the process is warm. */
  warmUps?: number;
}

const work = JSON.parse(process.argv[2]!) as SluiceWork;
const home = await openHome(join(work.folder, 'home'));

async function load(number: number) {
  const prefix = `bench-${number}/`;
  for (const input of work.inputs) {
    const to = home.pathOf({ bucket: home.places.landing, key: prefix + basename(input) });
    await mkdir(dirname(to), { recursive: true });
    await link(input, to);
  }
  const dataset = parseDataset(
    {
      name: `bench-${number}`,
      source: { prefix, ...work.source },
      target: { database: 'bench', table: `t${number}`, mode: 'overwrite', ...work.target },
      ...(work.splitBytes ? { splitBytes: work.splitBytes } : {}),
    },
    'bench',
  );
  const now = new Date().toISOString();
  const request: LoadRequest = {
    dataset,
    trigger: 'person',
    objects: undefined,
    referenceTime: now,
    constants: {},
    force: true,
    notices: [],
  };
  const spans = spansOf();
  let result: Awaited<ReturnType<typeof execute>> | undefined;
  const report = await measured(async () => {
    result = await execute(home, request, { onEvent: spans.onEvent });
  });
  if (result?.run.status !== 'succeeded') throw new Error(JSON.stringify(result));
  return { ...report, states: spans.seconds(), calls: result.objectStoreCalls, tables: result.tables };
}

for (let number = 0; number < (work.warmUps ?? 0); number++) await load(number);
const last = work.warmUps ?? 0;
const report = await load(last);
await home.close();

const lake = join(work.folder, 'home', 's3', home.places.lake, 'bench');
const files = readdirSync(lake, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && join(entry.parentPath, '/').includes(`/t${last}`))
  .map((entry) => join(entry.parentPath, entry.name))
  .flatMap((path) => {
    const format = /\.(parquet|avro|csv)$/.exec(path)?.[1];
    return format === undefined ? [] : [{ path, format, bytes: statSync(path).size }];
  });
console.log(JSON.stringify({ ...report, files }));
