import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ensurePackage, PACKAGE_FOLDER, packageSizes } from '../../infra/package.ts';
import { type StageOptions, withStageOptions } from '../../infra/stage-options.ts';
import { withWorkerGrants, workerResources } from '../../infra/worker.ts';
import { describeWithMoto, describeWithPython } from '../setup/available.ts';
import { describeGrants } from './grants.ts';
import { describePackagedLoad } from './packaged-load.ts';
import { prepareRuntime, Sandbox, unzip } from './sandbox.ts';
import { packagedFunctions, readTemplate, STACK, TEMPLATE_FILE, type Template } from './template.ts';

const ROOT = resolve(import.meta.dirname, '..', '..');

/** Steps that read or write tables, and so bring the engine along. */
const WITH_ENGINE = ['chooseClusters', 'convert', 'prepareFeatures', 'read', 'repartition'];
/** Of these, those that write Avro, and so bring the encoder's thread along. */
const WITH_AVRO = ['chooseClusters', 'convert', 'repartition'];
/** Coastlines are drawn from a file. */
const WITH_FILES: Record<string, string[]> = { report: ['world-atlas'] };
/** Bytes of an archive. Lambda takes 50 MB in one call; a function starts the quicker the smaller it is. */
const MAX_BYTES = { withEngine: 32e6, without: 1.5e6, drawing: 2.2e6 };

const EVERY_CHOICE: StageOptions = {
  landingBucket: '',
  workBucket: '',
  lakeBucket: 'a-lake-that-exists',
  kmsKey: 'arn:aws:kms:eu-west-1:123456789012:key/0d1a8c52-6b5e-4f0a-9c39-6a1f2d0c7e11',
  accessLogBucket: 'access-logs',
  transferAcceleration: true,
  inventory: true,
  failedDays: 90,
  rejectedDays: 30,
  reservedConcurrency: 'convert=50',
  provisionedConcurrency: 'convert=2',
};

function withWorker(template: Template): Template {
  const resources = workerResources({
    image: '123456789012.dkr.ecr.eu-west-1.amazonaws.com/sluice:1',
    ...{ subnets: ['subnet-0a1b2c3d'], securityGroups: [], assignPublicIp: false },
    ...{ cpu: 4096, memoryMb: 16_384, diskGb: 200, logRetentionDays: 30 },
  }) as Template['Resources'];
  return withWorkerGrants({ ...template, Resources: { ...template.Resources, ...resources } });
}

/** Elsewhere npm installs other native libraries than Lambda runs. */
const LIKE_LAMBDA = existsSync(join(ROOT, 'node_modules/@duckdb/node-bindings-linux-x64'));

if (LIKE_LAMBDA) await describePackages();
else
  describe.skip('the packages (skipped: this is not Linux x64 with glibc, as Lambda is)', () => it('load', () => {}));

async function describePackages(): Promise<void> {
  // Once for all that follow, and not again for what is packaged already.
  await ensurePackage();
  const template = await readTemplate();
  const functions = packagedFunctions(template);
  const sizes = await packageSizes();
  const sizesText = [...sizes].map(([key, bytes]) => `${key} ${(bytes / 1e6).toFixed(1)} MB`).join(', ');
  process.stderr.write(`Packages: ${sizesText}\n`);

  let folder: string;
  const inPackage = new Map<string, string[]>();

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-package-'));
    await prepareRuntime(folder);
    for (const { key } of functions) {
      inPackage.set(key, await unzip(join(PACKAGE_FOLDER, `${key}.zip`), join(folder, key)));
    }
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('packages every step', () => {
    expect(functions.map(({ key }) => key).sort()).toEqual([...sizes.keys()].sort());
    expect(functions.map(({ key }) => key).sort()).toEqual([
      'chooseClusters',
      'convert',
      'fit',
      'gather',
      'listLatest',
      'plan',
      'prepareFeatures',
      'publish',
      'quarantine',
      'read',
      'repartition',
      'report',
      'retire',
    ]);
  });

  describe.each(functions)('the packaged $key', (fn) => {
    const withEngine = WITH_ENGINE.includes(fn.key);
    const files = () => inPackage.get(fn.key) ?? [];

    it(`is of ${((sizes.get(fn.key) ?? 0) / 1e6).toFixed(1)} MB, which is small enough`, () => {
      const kind = withEngine ? 'withEngine' : fn.key === 'report' ? 'drawing' : 'without';
      expect(sizes.get(fn.key)).toBeLessThan(MAX_BYTES[kind]);
    });

    it('has its handler with a source map, and of other steps nothing', () => {
      const handler = fn.handler.replace(/\.handler$/, '.mjs');
      const encoder = handler.replace(/\.mjs$/, '.avro-encoder.mjs');
      const code = WITH_AVRO.includes(fn.key) ? [encoder, handler] : [handler];
      const wanted = code.flatMap((name) => [name, `${name}.map`]);
      expect(files().filter((name) => name.startsWith('functions/'))).toEqual(wanted);
    });

    it(withEngine ? 'has the engine beside it' : 'has no packages beside it', () => {
      const packages = files().filter((name) => name.startsWith('node_modules/'));
      const names = new Set(
        packages.map((name) =>
          name
            .split('/')
            .slice(1, -1)
            .join('/')
            .replace(/\/lib.*/, ''),
        ),
      );
      expect([...names].sort()).toEqual(
        withEngine
          ? [
              '@duckdb/node-api',
              '@duckdb/node-bindings',
              '@duckdb/node-bindings-linux-x64',
              '@napi-rs/snappy-linux-x64-gnu',
              'snappy',
            ]
          : (WITH_FILES[fn.key] ?? []),
      );
    });

    it(fn.key === 'listLatest' ? 'knows all data sets' : 'has no data sets', async () => {
      const datasets = fn.key === 'listLatest' ? await readdir(join(ROOT, 'datasets')) : [];
      const wanted = datasets.filter((name) => name.endsWith('.yml')).map((name) => `datasets/${name}`);
      expect(files().filter((name) => name.startsWith('datasets/'))).toEqual(wanted.sort());
    });

    it('loads, and fails of a bad event by name', async () => {
      const home = join(folder, fn.key);
      const sandbox = await Sandbox.start(fn, home, join(folder, `tmp-${fn.key}`));
      try {
        for (const event of [{}, { unknown: true }, null, 'text']) {
          expect(await sandbox.invoke(event, 'request-1')).toMatchObject({
            errorType: 'BadRequest',
            errorMessage: expect.stringContaining("The step's input is not what the state machine sends"),
            // By the source map: a place in the sources, not in the bundle.
            trace: expect.stringMatching(/at .*parseStepInput .*functions\/step-input\.ts:\d+/),
          });
        }
        const own = sandbox.libraries.filter((path) => path.startsWith(home)).map((path) => path.split('/').at(-1));
        expect(own.sort()).toEqual(withEngine ? ['duckdb.node', 'libduckdb.so', 'snappy.linux-x64-gnu.node'] : []);
      } finally {
        await sandbox.end();
      }
    });
  });

  describeGrants(template, functions);

  describeWithMoto('packaged functions, over S3 and Glue', (endpoint) => {
    describePackagedLoad(endpoint, functions, () => folder);
  });

  describeWithPython('the packaged template', () => {
    it('is what cfn-lint takes without a word', async () => {
      const lint = join(dirname(process.env['SLUICE_TEST_PYTHON'] ?? ''), 'cfn-lint');
      const { stdout } = await promisify(execFile)(lint, [TEMPLATE_FILE]).catch((error) => error as { stdout: string });
      expect(stdout).toBe('');
    });

    it('is that too with every choice of a stage', async () => {
      const lint = join(dirname(process.env['SLUICE_TEST_PYTHON'] ?? ''), 'cfn-lint');
      const file = join(folder, 'every-choice.json');
      // Serverless's own variables, which it fills in before.
      const text = JSON.stringify(withStageOptions(withWorker(template), EVERY_CHOICE));
      await writeFile(file, text.replaceAll(/\$\{self:service\}-\$\{sls:stage\}/g, STACK.name));
      const { stdout } = await promisify(execFile)(lint, [file]).catch((error) => error as { stdout: string });
      expect(stdout).toBe('');
    });
  });
}
