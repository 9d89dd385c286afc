import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { S3Client } from '@aws-sdk/client-s3';
import { DescribeStateMachineCommand, SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { ensurePackage, PACKAGE_FOLDER } from '../../infra/package.ts';
import { s3ObjectStore } from '../../shared/adapters/s3-object-store.ts';
import type { ObjectStore } from '../../shared/ports/object-store.ts';
import { prepareRuntime, Sandbox, unzip } from '../package/sandbox.ts';
import { type PackagedFunction, packagedFunctions, readTemplate, STACK, type Template } from '../package/template.ts';
import { describeWithMoto } from '../setup/available.ts';
import { type MotoServer, startMoto } from '../setup/moto-server.ts';
import { runPython } from '../setup/run-python.ts';
import { Router } from './router.ts';

/**
 * The packaged template deployed to moto, and its state machine run by moto's interpreter, with the packaged functions
 * behind it: a second reading of the definition beside local/machine.ts.
 */
describeWithMoto('the packaged template, deployed', () => {
  let folder: string;
  let router: Router;
  let moto: MotoServer;
  let template: Template;
  let resources: Record<string, string>;
  let objects: ObjectStore;
  let s3: S3Client;
  let sfn: SFNClient;
  let functions: PackagedFunction[];
  const sandboxes = new Map<string, Promise<Sandbox>>();

  const python = <T>(action: string, more: object = {}) =>
    runPython<T>('stack.py', [action], JSON.stringify({ endpoint: moto.url, stack: STACK.name, ...more }));

  async function sandboxOf(name: string): Promise<Sandbox> {
    const fn = functions.find(
      ({ key, logicalId }) => name.includes(`${STACK.name}-${key}`) || name.includes(logicalId),
    );
    if (fn === undefined) throw new Error(`moto calls ${name}, which is no function of the template`);
    const started =
      sandboxes.get(fn.key) ??
      (async () => {
        await unzip(join(PACKAGE_FOLDER, `${fn.key}.zip`), join(folder, fn.key));
        return Sandbox.start(fn, join(folder, fn.key), join(folder, `tmp-${fn.key}`), {
          LANDING_BUCKET: resources['LandingBucket']!,
          WORK_BUCKET: resources['WorkBucket']!,
          LAKE_BUCKET: resources['LakeBucket']!,
          AWS_ENDPOINT_URL: router.url,
        });
      })();
    sandboxes.set(fn.key, started);
    return started;
  }

  beforeAll(async () => {
    await ensurePackage();
    folder = await mkdtemp(join(tmpdir(), 'sluice-deploy-'));
    await prepareRuntime(folder);
    template = await readTemplate();
    functions = packagedFunctions(template);
    router = await Router.start(async (name, event) => {
      const answer = await (await sandboxOf(name)).invoke(event, randomUUID());
      if ('output' in answer) return answer.output;
      throw Object.assign(new Error(answer.errorMessage), { name: answer.errorType });
    });
    moto = await startMoto(process.env['SLUICE_TEST_PYTHON']!, { executePort: router.port });
    router.forwardTo(moto.url);
    const connection = {
      endpoint: router.url,
      region: STACK.region,
      credentials: { accessKeyId: 'testing', secretAccessKey: 'testing' },
    };
    s3 = new S3Client({ ...connection, forcePathStyle: true });
    sfn = new SFNClient(connection);
    objects = s3ObjectStore({ client: s3 });
    resources = await python('deploy', { folder: PACKAGE_FOLDER, archive: 'code' });
  }, 180_000);

  afterAll(async () => {
    for (const sandbox of await Promise.all(sandboxes.values())) await sandbox.end();
    await router.end();
    s3.destroy();
    sfn.destroy();
    process.kill(moto.pid);
    await rm(folder, { recursive: true, force: true });
  });

  it('has every resource that moto knows how to make', () => {
    const of = (type: string) =>
      Object.entries(template.Resources).flatMap(([id, { Type }]) => (Type === type ? id : []));
    for (const type of [
      'AWS::Lambda::Function',
      'AWS::IAM::Role',
      'AWS::Events::Rule',
      'AWS::SQS::Queue',
      'AWS::SNS::Topic',
      'AWS::S3::Bucket',
      'AWS::StepFunctions::StateMachine',
      'AWS::Logs::LogGroup',
    ]) {
      expect(of(type).length).toBeGreaterThan(0);
      expect(of(type).filter((id) => !resources[id])).toEqual([]);
    }
  });

  it('has the state machine, with its functions in its definition', async () => {
    const { definition } = await sfn.send(
      new DescribeStateMachineCommand({ stateMachineArn: resources['LoadStateMachine']! }),
    );
    const text = JSON.stringify(JSON.parse(definition!));
    for (const { key } of functions) expect(text).toContain(`${STACK.name}-${key}`);
    expect(text).not.toMatch(/Fn::|\$\{/);
  });

  const event = (key: string, etag: string) => ({
    version: '0',
    id: randomUUID(),
    'detail-type': 'Object Created',
    source: 'aws.s3',
    account: STACK.account,
    time: '2024-01-05T00:00:00Z',
    region: STACK.region,
    resources: [`arn:aws:s3:::${resources['LandingBucket']}`],
    detail: {
      version: '0',
      bucket: { name: resources['LandingBucket'] },
      object: { key, size: 100, etag, sequencer: '617f08299329d189' },
      reason: 'PutObject',
    },
  });

  const WEATHER = join(import.meta.dirname, '..', '..', 'node_modules/vega-datasets/data/seattle-weather.csv');

  /** The file's rows, as texts that stand for a table's. */
  async function sourceRows(): Promise<string[]> {
    const [, ...lines] = (await readFile(WEATHER, 'utf8')).trimEnd().split('\n');
    return lines.map((line) => asText(line.trimEnd().split(','))).sort();
  }

  it.each([
    ['the console', (_key: string, _etag: string): unknown => ({ dataset: 'weather' })],
    ['an event of EventBridge', (key: string, etag: string): unknown => event(key, etag)],
    [
      'a pipe over SQS',
      (key: string, etag: string): unknown => [
        { messageId: randomUUID(), eventSource: 'aws:sqs', body: JSON.stringify(event(key, etag)) },
      ],
    ],
  ])(
    'loads what %s asks for, by the other interpreter',
    async (name, inputOf) => {
      const bucket = resources['LandingBucket']!;
      const key = `weather/${name.replaceAll(' ', '-')}/seattle-weather.csv`;
      const { etag } = await objects.put({ bucket, key }, await readFile(WEATHER));
      const { executionArn } = await sfn.send(
        new StartExecutionCommand({
          stateMachineArn: resources['LoadStateMachine']!,
          name: randomUUID(),
          input: JSON.stringify(inputOf(key, etag)),
        }),
      );
      const ended = await outcomeOf(executionArn!);
      // With what went wrong, where it failed.
      expect(ended).toEqual({ status: 'SUCCEEDED' });
      // By the partitions' locations: what a later load replaced stays for readers that planned before.
      const table = { database: 'climate', table: 'weather', filter: {} };
      const given = JSON.stringify({ endpoint: moto.url, region: STACK.region, ...table });
      const [, rows] = await runPython<[string[], unknown[][]]>('wrangler_table.py', [], given);
      expect(rows.map(asText).sort()).toEqual(await sourceRows());
    },
    300_000,
  );

  it('is gone once it is removed', async () => {
    expect(await python('remove')).toEqual([]);
  });

  /** Once it has ended. */
  async function outcomeOf(execution: string): Promise<{ status: string }> {
    for (;;) {
      const outcome = await python<{ status: string }>('outcome', { execution });
      if (outcome.status !== 'RUNNING') return outcome;
    }
  }
});

/** Of a row of the file, or of the table with its partition behind: numbers as numbers, the date as its day. */
function asText([date, ...others]: readonly unknown[]): string {
  const day = typeof date === 'number' ? new Date(date).toISOString().slice(0, 10) : String(date).slice(0, 10);
  const values = others.slice(0, 5).map((value) => (Number.isNaN(Number(value)) ? String(value) : Number(value)));
  return JSON.stringify([day, ...values]);
}
