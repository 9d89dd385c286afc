#!/usr/bin/env node
/**
 * `npm run bench -- <name> [--quick] [--json] [--rounds N] [--profile] [--folder DIR] [more]`: runs one bench, prints its tables on stdout
 * and its progress on stderr. Without a name it lists the benches. Ends with 1 where a bench fails, a missed bar is only printed.
 */
import { existsSync, readdirSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { BenchModule, BenchOptions } from './kit/bench.ts';
import { resultText } from './kit/print.ts';

const here = import.meta.dirname;
const ROUNDS = 3;

const { values, positionals, tokens } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    profile: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    folder: { type: 'string', default: join(here, '..', '.bench') },
  },
  allowPositionals: true,
  strict: false,
  tokens: true,
});

/** Of every bench its file, by name. */
function benches(): Map<string, string> {
  const found = new Map<string, string>();
  for (const entry of readdirSync(here, { withFileTypes: true })) {
    if (entry.isDirectory()) {
      const main = join(here, entry.name, 'main.ts');
      if (existsSync(main)) found.set(entry.name, main);
    } else if (entry.name.endsWith('.ts') && entry.name !== 'run.ts') {
      found.set(entry.name.slice(0, -'.ts'.length), join(here, entry.name));
    }
  }
  return found;
}

const known = ['quick', 'json', 'profile', 'rounds', 'folder'];
const rest = tokens.flatMap((token) => {
  if (token.kind === 'positional') return token.value === positionals[0] ? [] : [token.value];
  if (token.kind !== 'option' || known.includes(token.name)) return [];
  return token.value === undefined ? [token.rawName] : [`${token.rawName}=${token.value}`];
});

const log = (line: string) => process.stderr.write(`${line}\n`);
const found = benches();
const name = positionals[0];
const file = name === undefined ? undefined : found.get(name);
if (name === undefined || file === undefined) {
  if (name !== undefined) log(`There is no bench "${name}"`);
  for (const [each, path] of [...found].sort())
    log(`${each.padEnd(12)} ${((await import(path)) as BenchModule).about}`);
  process.exitCode = name === undefined ? 0 : 2;
} else {
  const rounds = Number(values.rounds ?? (values.quick ? 1 : ROUNDS));
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new Error(`--rounds wants a number from 1 on, not ${values.rounds}`);
  const folder = resolve(String(values.folder));
  await mkdir(folder, { recursive: true });
  const options: BenchOptions = {
    quick: values.quick === true,
    profile: values.profile === true,
    rounds,
    folder,
    rest,
    log,
  };
  const { run } = (await import(file)) as BenchModule;
  const startedAt = new Date();
  const result = await run(options);
  const machine = {
    processor: cpus()[0]?.model ?? 'unknown',
    threads: availableParallelism(),
    memoryGb: Math.round(totalmem() / 1e9),
    node: process.version,
  };
  if (values.json === true) {
    const { quick } = options;
    console.log(
      JSON.stringify({ bench: name, quick, rounds, startedAt: startedAt.toISOString(), machine, ...result }, null, 2),
    );
  } else {
    console.log(
      `## ${name}${options.quick ? ' (quick: figures say little)' : ''}\n\n` +
        `${startedAt.toISOString()}, ${machine.threads} × ${machine.processor}, ${machine.memoryGb} GB, Node ${machine.node}, ` +
        `median of ${rounds} ${rounds === 1 ? 'round' : 'rounds'}\n`,
    );
    console.log(resultText(result));
  }
}
