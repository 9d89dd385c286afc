import { join } from 'node:path';
import type { Settings } from '../../shared/dataset/settings.ts';
import { type BenchOptions, type BenchTable, figure } from './bench.ts';
import { type Contender, contest, type Outcome, ratioOf } from './contest.ts';
import { checkFiles, type Kinds, peersPython, sourceChecksum } from './peers.ts';

const CONTENDERS = join(import.meta.dirname, '..', 'contenders');

/** The work of a table: which files, what their columns are compared as. */
export interface Source {
  /** What stands for all inputs: the file itself, or the folder. */
  path: string;
  inputs: readonly string[];
  kinds: Kinds;
}

/** Sluice's whole execution over the inputs. */
export function sluice(
  name: string,
  inputs: readonly string[],
  target: Settings,
  more: {
    source?: Settings;
    splitBytes?: number;
    warmUps?: number;
    env?: Record<string, string>;
    node?: readonly string[];
  } = {},
): Contender {
  const { env, node = [], ...work } = more;
  return {
    name,
    program: process.execPath,
    args: (folder) => [
      ...node,
      '--disable-warning=ExperimentalWarning',
      join(CONTENDERS, 'sluice.ts'),
      JSON.stringify({ inputs, folder, target, ...work }),
    ],
    ...(env ? { env } : {}),
  };
}

export const BARE_COPY = 'DuckDB, bare COPY to Parquet';

/** DuckDB's own COPY of the inputs to one Parquet file: no check, no count, no commit. */
export function bareCopy(inputs: readonly string[]): Contender {
  return {
    name: BARE_COPY,
    program: process.execPath,
    args: (folder) => [join(CONTENDERS, 'duckdb-copy.ts'), JSON.stringify({ inputs, folder })],
  };
}

/** A contest over one source whose files are all read back and compared with it. */
export async function convertContest(
  options: BenchOptions,
  title: string,
  source: Source,
  contendersOf: (python: string) => readonly Contender[] | Promise<readonly Contender[]>,
): Promise<{ outcomes: Map<string, Outcome>; table: BenchTable }> {
  const { folder, log, rounds } = options;
  const python = await peersPython(folder, log);
  log('Reading the source with Python, to compare with');
  const expected = await sourceChecksum(python, source.path, source.inputs, source.kinds);
  const contenders = await contendersOf(python);
  const outcomes = await contest(contenders, {
    rounds,
    folder,
    log,
    check: (contender, round) => checkFiles(python, contender.name, round.files ?? [], source.kinds, expected),
  });
  const named = new Map(outcomes.map((outcome) => [outcome.name, outcome]));
  return { outcomes: named, table: tableOf(`${title}, ${expected.rows} rows, all read back equal`, named) };
}

function tableOf(title: string, outcomes: ReadonlyMap<string, Outcome>): BenchTable {
  const base = outcomes.get(BARE_COPY);
  const megabytes = (bytes: number | undefined) => (bytes === undefined ? '' : figure(bytes / 1e6));
  return {
    title,
    head: ['', 'wall s', '× bare COPY', 'CPU s', 'peak RSS MB', 'Parquet MB', 'Avro MB'],
    rows: [...outcomes.values()].map((outcome) => [
      outcome.name,
      figure(outcome.seconds),
      base ? figure(ratioOf(outcome, base)) : '',
      figure(outcome.cpuSeconds),
      megabytes(outcome.peakRssBytes),
      megabytes(outcome.bytes['parquet']),
      megabytes(outcome.bytes['avro']),
    ]),
  };
}

/** Where the time of the first round went, for `--profile`. */
export function statesTable(outcome: Outcome): BenchTable {
  const states = (outcome.rounds[0]?.['states'] ?? {}) as Record<string, number>;
  return {
    title: `${outcome.name}: seconds in each state (first round)`,
    head: ['state', 's'],
    rows: Object.entries(states).map(([state, seconds]) => [state, figure(seconds)]),
  };
}
