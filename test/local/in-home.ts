import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execute } from '../../local/execute.ts';
import { openHome } from '../../local/home.ts';
import type { RunResult } from '../../local/result.ts';
import { loadDatasetFile } from '../../shared/dataset/parse.ts';
import { registryOf } from '../../shared/dataset/registry.ts';
import { buildInput } from '../../shared/dataset/settings.ts';
import { toRequest } from '../../shared/dataset/to-request.ts';
import { queryLake } from '../../shared/engine/lake-database.ts';

/** What the command line does, in this process: quicker than a process each, where it is not the command line that is tested. */
export interface InHome {
  root: string;
  land(key: string, content: string | Uint8Array): Promise<void>;
  /** Writes a file beside the home; its path. */
  file(name: string, content: string): Promise<string>;
  /** `['run', file, '--set', 'key=value', …]`; what fails before it is an execution is thrown. */
  json(args: string[]): Promise<RunResult>;
  /** An execution with an input of any form. */
  input(input: unknown, environment?: Record<string, string>): Promise<RunResult>;
  query<T = Record<string, unknown>>(sql: string): Promise<T[]>;
  /** All objects of the work bucket under a prefix, as text. */
  work(prefix: string): Promise<string[]>;
  remove(): Promise<void>;
}

export async function openInHome(): Promise<InHome> {
  const root = await mkdtemp(join(tmpdir(), 'sluice-home-'));
  const home = await openHome(root);
  const { objects } = home.ports;
  const run = async (input: unknown, names: string[], environment: Record<string, string> = {}): Promise<RunResult> => {
    const texts = await Promise.all(names.map(async (name) => loadDatasetFile(await readFile(name, 'utf8'), name)));
    const context = { environment, datasets: registryOf(texts), places: home.places, now: new Date() };
    const request = toRequest(input, context);
    if ('nothing' in request) throw new Error('The input asks for nothing');
    return execute(home, request);
  };
  return {
    root,
    land: async (key, content) => {
      await objects.put({ bucket: 'landing', key }, content);
    },
    async file(name, content) {
      const path = join(root, name);
      await writeFile(path, content);
      return path;
    },
    async json([command, file, ...options]) {
      if (command !== 'run' || file === undefined) throw new Error(`Only run is known, not ${command}`);
      const dataset = loadDatasetFile(await readFile(file, 'utf8'), file).name;
      return run(buildInput({ dataset, set: options.filter((option) => option !== '--set') }), [file]);
    },
    input: (input, environment) => run(input, [], environment),
    async query<T>(sql: string) {
      const { columns, rows } = await queryLake({ path: home.lake }, sql);
      return rows.map((row) => Object.fromEntries(columns.map((name, i) => [name, row[i]]))) as T[];
    },
    async work(prefix) {
      const texts: string[] = [];
      for await (const info of objects.list('work', prefix))
        texts.push(Buffer.from(await objects.read(info)).toString());
      return texts;
    },
    async remove() {
      await home.close();
      await rm(root, { recursive: true, force: true });
    },
  };
}
