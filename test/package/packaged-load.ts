import { cp, readFile, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { GlueClient } from '@aws-sdk/client-glue';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { loadDefinition, runMachine } from '../../local/machine.ts';
import { glueCatalog } from '../../shared/adapters/glue-catalog.ts';
import { s3ObjectStore } from '../../shared/adapters/s3-object-store.ts';
import { SYNC_BYTES } from '../../shared/formats/avro/header.ts';
import { AVRO_THREAD_MIN_ROWS } from '../../shared/limits.ts';
import type { ObjectStore } from '../../shared/ports/object-store.ts';
import { Sandbox } from './sandbox.ts';
import { type PackagedFunction, STACK } from './template.ts';

const ROOT = resolve(import.meta.dirname, '..', '..');
const DEFINITION = join(ROOT, 'statemachines', 'load.asl.yml');
const WEATHER = join(ROOT, 'node_modules', 'vega-datasets', 'data', 'seattle-weather.csv');

const isAvro = (text: string) => text.startsWith('Obj\x01');

/** A load by the functions as they are packaged: nothing of the repository but the state machine runs in it. */
export function describePackagedLoad(endpoint: string, functions: PackagedFunction[], folder: () => string): void {
  const connection = {
    endpoint,
    region: STACK.region,
    credentials: { accessKeyId: 'testing', secretAccessKey: 'testing' },
  };
  const own = `packaged-${process.pid}`;
  const places = { LANDING_BUCKET: `${own}-landing`, WORK_BUCKET: `${own}-work`, LAKE_BUCKET: `${own}-lake` };
  const s3 = new S3Client({ ...connection, forcePathStyle: true });
  const glue = new GlueClient(connection);
  const objects: ObjectStore = s3ObjectStore({ client: s3 });
  const sandboxes = new Map<string, Promise<Sandbox>>();
  /** The last event that each function was called with, and the attempt's name. */
  const lastCalls = new Map<string, { event: unknown; attempt: string }>();

  beforeAll(async () => {
    for (const Bucket of Object.values(places)) {
      const CreateBucketConfiguration = { LocationConstraint: STACK.region };
      await s3.send(new CreateBucketCommand({ Bucket, CreateBucketConfiguration }));
    }
  });

  afterAll(async () => {
    for (const sandbox of await Promise.all(sandboxes.values())) await sandbox.end();
    s3.destroy();
    glue.destroy();
  });

  const startSandbox = (fn: PackagedFunction, home: string) =>
    Sandbox.start(fn, join(folder(), home), join(folder(), `tmp-load-${home}`), {
      ...places,
      AWS_ENDPOINT_URL: endpoint,
    });

  /** A sandbox is started by the first event and kept, as Lambda does. */
  function sandboxOf(fn: PackagedFunction): Promise<Sandbox> {
    const started = sandboxes.get(fn.key) ?? startSandbox(fn, fn.key);
    sandboxes.set(fn.key, started);
    return started;
  }

  const handlers = Object.fromEntries(
    functions.map((fn) => [
      fn.logicalId,
      async (event: unknown, { attemptId }: { attemptId: string }): Promise<unknown> => {
        lastCalls.set(fn.key, { event, attempt: attemptId });
        const answer = await (await sandboxOf(fn)).invoke(event, attemptId);
        if ('output' in answer) return answer.output;
        throw Object.assign(new Error(answer.errorMessage), { name: answer.errorType });
      },
    ]),
  );

  const load = async (input: unknown) =>
    runMachine({
      definition: await loadDefinition(DEFINITION),
      handlers,
      objects,
      input,
      clock: { now: () => new Date() },
      sleep: async () => undefined,
    });

  it('load a data set that is packaged with them, sandbox by sandbox', async () => {
    const bucket = places.LANDING_BUCKET;
    await objects.put({ bucket, key: 'weather/2024-01-05/seattle-weather.csv' }, await readFile(WEATHER));
    // Small enough ranges that the rows have to be brought together again.
    const cluster = { features: ['temp_max', 'wind'], kMax: 2 };
    const outcome = await load({ dataset: 'weather', splitBytes: 16_384, cluster });
    expect(outcome.error).toBeUndefined();
    expect(outcome.endState).toBe('Succeeded');
    const catalog = glueCatalog({ client: glue });
    for (const table of ['weather', 'weather_avro']) {
      const partitions = await catalog.partitions('climate', table);
      expect(partitions.map(({ values }) => values)).toEqual([['2012'], ['2013'], ['2014'], ['2015']]);
      expect(partitions.reduce((sum, { rows }) => sum + rows, 0)).toBe(1461);
    }
    // All have been at work but the one that a failure calls.
    expect([...sandboxes.keys()].sort()).toEqual(
      functions
        .map(({ key }) => key)
        .filter((key) => key !== 'quarantine')
        .sort(),
    );
  });

  const itWithProcessors = availableParallelism() > 1 ? it : it.skip;
  itWithProcessors('encode Avro in a thread of its own, which makes the same files', async () => {
    const bucket = places.LANDING_BUCKET;
    const key = 'weather/2024-01-07/many.csv';
    const [head, ...rows] = (await readFile(WEATHER, 'utf8')).trimEnd().split('\n');
    const times = Math.ceil(AVRO_THREAD_MIN_ROWS / rows.length);
    await objects.put({ bucket, key }, [head, ...Array.from({ length: times }, () => rows).flat(), ''].join('\n'));
    const outcome = await load({ dataset: 'weather', objects: [{ bucket, key }] });
    expect(outcome.error).toBeUndefined();
    expect((await sandboxes.get('convert'))!.threads).toBe(1);

    const fn = functions.find((found) => found.key === 'convert')!;
    await cp(join(folder(), 'convert'), join(folder(), 'convert-unthreaded'), { recursive: true });
    await rm(join(folder(), 'convert-unthreaded', fn.handler.replace(/\.handler$/, '.avro-encoder.mjs')));
    const unthreaded = await startSandbox(fn, 'convert-unthreaded');
    const { event, attempt } = lastCalls.get('convert')!;
    expect(await unthreaded.invoke(event, 'unthreaded')).toMatchObject({ output: expect.anything() });
    expect(unthreaded.threads).toBe(0);
    await unthreaded.end();

    const files = await filesOf(attempt);
    expect(files.filter(isAvro)).toHaveLength(4);
    expect(await filesOf('unthreaded')).toEqual(files);
  });

  /** What an attempt of convert wrote, in any order, without the random marker that ends every Avro file and its blocks. */
  async function filesOf(attempt: string): Promise<string[]> {
    const { run } = lastCalls.get('convert')!.event as { run: string };
    const files: string[] = [];
    for await (const { key } of objects.list(places.WORK_BUCKET, `runs/${run}/`)) {
      if (!key.includes(`/${attempt}/`)) continue;
      const text = Buffer.from(await objects.read({ bucket: places.WORK_BUCKET, key })).toString('latin1');
      files.push(isAvro(text) ? text.replaceAll(text.slice(-SYNC_BYTES), '') : text);
    }
    return files.sort();
  }

  it('quarantine what cannot be loaded, and end with its error by name', async () => {
    const bucket = places.LANDING_BUCKET;
    const key = 'weather/2024-01-06/empty.csv';
    await objects.put({ bucket, key }, '');
    const outcome = await load({ dataset: 'weather', objects: [{ bucket, key }] });
    expect(outcome.error?.name).toBe('EmptyObject');
    const failed: string[] = [];
    for await (const info of objects.list(places.WORK_BUCKET, 'failed/weather/')) failed.push(info.key);
    expect(failed.map((name) => name.split('/').at(-1))).toEqual(['empty.csv', 'empty.csv.error.json']);
  });

  it('refuse what nobody has defined, by name', async () => {
    const outcome = await load({ dataset: 'whether' });
    expect(outcome.error?.name).toBe('UnknownDataset');
    expect(outcome.error?.cause).toContain('weather');
  });
}
