#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { colours as pc } from './colours.ts';
import { EXIT, exitCodeOf } from './exit.ts';
import type { Output } from './print.ts';

/** What every command is given. */
export interface Invocation {
  home: string;
  output: Output;
  /** Progress may move: stderr is a terminal. */
  tty: boolean;
  signal: AbortSignal;
}

interface GlobalOptions {
  home: string;
  json?: boolean;
  quiet?: boolean;
}

const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '..', 'package.json'), 'utf8')) as {
  version: string;
};

/** Modules are loaded by the command that needs them, so that `--help` is at once. */
function program(signal: AbortSignal): Command {
  const cli = new Command('sluice')
    .description('Files that landed become committed, queryable tables.')
    .version(version)
    .option('--home <dir>', 'folder with s3/<bucket>/<key> and lake.duckdb', '.sluice')
    .option('--json', 'print results as JSON')
    .option('-q, --quiet', 'no progress')
    .showSuggestionAfterError()
    .showHelpAfterError('(sluice --help lists the commands)')
    .exitOverride();
  const invocation = (): Invocation => {
    const { home, json = false, quiet = false } = cli.opts<GlobalOptions>();
    return {
      home,
      signal,
      tty: process.stderr.isTTY === true && !quiet && !json,
      output: {
        json,
        quiet,
        out: (text) => process.stdout.write(`${text}\n`),
        err: (text) => process.stderr.write(`${text}\n`),
      },
    };
  };
  const set = (): Option =>
    new Option('--set <key=value...>', 'override a field of the data set, e.g. target.mode=append').default([]);

  cli
    .command('run')
    .argument('<data set>', 'a name in datasets/, or a .yml file')
    .description('one execution of the state machine for a data set')
    .option('--input <json>', "fields of the execution's input, beside the data set")
    .addOption(set())
    .option('--datasets <dir>', 'where data sets are found by name', 'datasets')
    .option('--every <time>', 'again and again, as a schedule would: 30s, 5m, 1h, 1d')
    .action(async (dataset, options) => {
      const { runDataset } = await import('./commands/run.ts');
      process.exitCode = await runDataset(invocation(), dataset, options);
    });
  cli
    .command('event')
    .argument('<file>', 'an event as AWS would send it, in JSON')
    .description('executions as an event would start them')
    .option('--datasets <dir>', 'where data sets are found by name', 'datasets')
    .action(async (file, options) => {
      const { runEvent } = await import('./commands/run.ts');
      process.exitCode = await runEvent(invocation(), file, options);
    });
  cli
    .command('load')
    .argument('<file...>', 'CSV (plain, gzip, ZIP) or Parquet files')
    .description('load local files into a table, replacing what it had')
    .requiredOption('--table <db.table>', 'the table')
    .option('--partition-by <columns>', 'column, day(column), …; several by comma', list)
    .option('--format <formats>', 'parquet, avro, csv; several by comma', list)
    .addOption(
      new Option('--mode <mode>', 'what the table had').choices(['append', 'overwrite-partitions', 'overwrite']),
    )
    .addOption(set())
    .action(async (files, options) => {
      const { loadFiles } = await import('./commands/load.ts');
      process.exitCode = await loadFiles(invocation(), files, options);
    });
  cli
    .command('cluster')
    .argument('<file...>', 'lists of key1,key2,distance, or points: files, or one published table as db.table')
    .description('cluster keys by their distances, or points, at once')
    .option('--algorithm <name>', 'KMeans, DBSCAN, OPTICS or AgglomerativeClustering')
    .option('--params <json>', "its hyper-parameters by scikit-learn's names")
    .option('--features <columns>', 'columns that points are made of; several by comma', list)
    .option('--normalize <how>', 'none, zscore or minmax')
    .option('--surface <where>', 'auto, sphere or plane: where latitude and longitude lie')
    .option('--key <column>', "what names a point in the labels; default: its row's number from 0")
    .option('--out <file>', 'write key,cluster as CSV, in the order of the input')
    .action(async (files, options) => {
      const { cluster } = await import('./commands/cluster.ts');
      process.exitCode = await cluster(invocation(), files, options);
    });
  cli
    .command('inspect')
    .argument('<file>')
    .description('what read finds: container, encoding, dialect, columns and types, splits')
    .action(async (file) => {
      const { inspect } = await import('./commands/inspect.ts');
      process.exitCode = await inspect(invocation(), file);
    });
  cli
    .command('preview')
    .argument('<file...>', 'delimited text: plain, gzip, zstd, ZIP')
    .description('the rows of files as they would be loaded, and the rejects; nothing is loaded')
    .option('--rows <n>', 'of each file at most so many rows, or all', rowLimit)
    .option('--csv', 'print the rows as CSV')
    .option('--out <dir>', 'write x.csv and x.rejects.jsonl for each file x')
    .addOption(set())
    .action(async (files, options) => {
      const { preview } = await import('./commands/preview.ts');
      process.exitCode = await preview(invocation(), files, options);
    });
  cli
    .command('query')
    .argument('<sql>')
    .description('query the published tables')
    .option('--csv', 'print the result as CSV')
    .action(async (sql, options) => {
      const { query } = await import('./commands/query.ts');
      process.exitCode = await query(invocation(), sql, options);
    });
  cli
    .command('runs')
    .argument('[data set]')
    .description('history: what ran, with counts and errors')
    .option('-n, --last <n>', 'at most so many', wholeNumber, 20)
    .action(async (dataset, options) => {
      const { runs } = await import('./commands/runs.ts');
      process.exitCode = await runs(invocation(), dataset, options);
    });
  cli
    .command('report')
    .argument('[run]', 'default: the last run')
    .description("where a run's page lies: its counts, its clusters, its pictures")
    .option('--open', 'show it')
    .action(async (run, options) => {
      const { report } = await import('./commands/report.ts');
      process.exitCode = await report(invocation(), run, options);
    });
  cli
    .command('rejects')
    .argument('[run]', 'default: the last run that rejected rows')
    .description('rejected rows, with source, line and reason')
    .action(async (run) => {
      const { rejects } = await import('./commands/rejects.ts');
      process.exitCode = await rejects(invocation(), run);
    });
  cli
    .command('validate')
    .argument('[file...]', 'default: all of datasets/')
    .description('hold data sets against the schema')
    .action(async (files) => {
      const { validate } = await import('./commands/validate.ts');
      process.exitCode = await validate(invocation(), files);
    });
  cli
    .command('compact')
    .argument('<db.table>')
    .description("merge a table's small files into few")
    .option('--datasets <dir>', 'where data sets are found by name', 'datasets')
    .action(async (table, options) => {
      const { compact } = await import('./commands/compact.ts');
      process.exitCode = await compact(invocation(), table, options);
    });
  cli
    .command('redrive')
    .argument('[run]', 'default: every run with objects in quarantine')
    .description('put quarantined objects through again')
    .option('--datasets <dir>', 'where data sets are found by name, as they are now', 'datasets')
    .action(async (run, options) => {
      const { redrive } = await import('./commands/upkeep.ts');
      process.exitCode = await redrive(invocation(), run, options);
    });
  cli
    .command('repair')
    .argument('[db.table]', 'default: all tables')
    .description('finish what runs left that died after their commit')
    .action(async (table) => {
      const { repair } = await import('./commands/upkeep.ts');
      process.exitCode = await repair(invocation(), table);
    });
  cli
    .command('vacuum')
    .description('delete the folders of runs that nobody needs any more')
    .option('--older-than <hours>', 'only runs that started so long ago', '24')
    .action(async (options) => {
      const { vacuum } = await import('./commands/upkeep.ts');
      process.exitCode = await vacuum(invocation(), options);
    });
  const ofStage = (command: Command): Command =>
    command
      .option('--stage <name>', 'the stage that was deployed', 'dev')
      .option('--region <name>', "default: the environment's");
  ofStage(cli.command('start'))
    .argument('<data set>', 'a name in datasets/, as it was deployed')
    .description('start an execution of the deployed state machine')
    .option('--input <json>', "fields of the execution's input, beside the data set")
    .addOption(set())
    .option('--follow', 'watch it until it ends', false)
    .action(async (dataset, options) => {
      const { start } = await import('./commands/deployed.ts');
      process.exitCode = await start(invocation(), dataset, options);
    });
  ofStage(cli.command('follow'))
    .argument('<execution>', 'its ARN')
    .description('watch an execution of the deployed state machine until it ends')
    .action(async (execution, options) => {
      const { follow } = await import('./commands/deployed.ts');
      process.exitCode = await follow(invocation(), execution, options);
    });
  return cli;
}

function wholeNumber(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It is to be a whole number from 1.');
}

function rowLimit(text: string): number | 'all' {
  return text === 'all' ? text : wholeNumber(text);
}

function list(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

async function main(): Promise<void> {
  // Whoever reads our output may have read enough, as head does.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit();
  });
  const interrupt = new AbortController();
  process.once('SIGINT', () => {
    // A second Ctrl-C ends the process as usual; the first ends it as soon as the execution is marked aborted.
    interrupt.abort();
  });
  try {
    await program(interrupt.signal).parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? EXIT.done : EXIT.usage;
      return;
    }
    if (!(error instanceof Error)) throw error;
    process.exitCode = exitCodeOf(error.name);
    // What an interrupt broke off is no news.
    if (!interrupt.signal.aborted) process.stderr.write(`${pc.red('error')} ${error.name}: ${error.message}\n`);
    if (process.env.SLUICE_DEBUG) process.stderr.write(`${error.stack}\n`);
  } finally {
    // Not to wait for what is still at work: all of it may break off at any place.
    if (interrupt.signal.aborted) process.exit(EXIT.interrupted);
  }
}

// A third of a short command's time is reading its modules: from the second time on they are at hand.
enableCompileCache();
await main();
