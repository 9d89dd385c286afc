import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { GlueClient } from '@aws-sdk/client-glue';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { work } from '../../functions/convert/worker.ts';
import { glueCatalog } from '../../shared/adapters/glue-catalog.ts';
import { s3ObjectStore } from '../../shared/adapters/s3-object-store.ts';
import type { TaskReport } from '../../shared/adapters/sfn-task-report.ts';
import { duckdbEngine } from '../../shared/engine/duckdb-engine.ts';
import type { TableEngine } from '../../shared/engine/table-engine.ts';
import { BadRequest } from '../../shared/errors.ts';
import { makeWorld, type World } from '../doubles/world.ts';
import { describeWithMoto } from '../setup/available.ts';
import { runPython } from '../setup/run-python.ts';

const WORKER = join(import.meta.dirname, '..', '..', 'functions', 'convert', 'worker.ts');

function recorded(): { report: TaskReport; told: unknown[][] } {
  const told: unknown[][] = [];
  return {
    told,
    report: {
      heartbeat: async () => void told.push(['heartbeat']),
      succeeded: async (output) => void told.push(['succeeded', output]),
      failed: async (error) => void told.push(['failed', error.name]),
    },
  };
}

interface Task {
  run: string;
  step: string;
  task: string;
  at: { key: string; start: number; end: number };
}

const environmentOf = (event: unknown): Record<string, string> => {
  const { run, step, task, at } = event as Task;
  const place = { SLUICE_TASK_KEY: at.key, SLUICE_TASK_START: String(at.start), SLUICE_TASK_END: String(at.end) };
  return { SLUICE_RUN: run, SLUICE_STEP: step, SLUICE_TASK: task, ...place };
};

describe('the worker', () => {
  const noPorts = () => {
    throw new Error('not to be asked for');
  };

  it('tells the state that waits how it went, and fails by the same error', async () => {
    const { report, told } = recorded();
    const environment = { SLUICE_TASK_TOKEN: 't', SLUICE_RUN: 'r', SLUICE_TASK: 'convert-000000' };
    await expect(work(environment, noPorts, () => report)).rejects.toThrow();
    expect(told).toHaveLength(1);
    expect(told[0]![0]).toBe('failed');
  });

  it('refuses an environment that names no task', async () => {
    const world = makeWorld({ datasets: [] });
    await expect(
      work(
        {},
        () => world.ports,
        () => recorded().report,
      ),
    ).rejects.toThrow(BadRequest);
  });

  it('does a task of a real plan as the state machine would, and what it does twice counts once', async () => {
    const world = makeWorld({
      datasets: [{ name: 'notes', source: { prefix: 'notes/' }, target: { database: 'd', table: 'notes' } }],
    });
    await world.put('notes/a.csv', 'id,kind\n1,a\n2,b\n');
    await world.put('notes/b.csv', 'id,kind\n3,c\n');
    const { report, told } = recorded();
    const outcome = await world.run(
      { dataset: 'notes' },
      {
        Convert: async (event) => {
          const environment = { ...environmentOf(event), SLUICE_TASK_TOKEN: 'token' };
          await work(
            environment,
            () => world.ports,
            () => report,
          );
          return work(
            environment,
            () => world.ports,
            () => report,
          );
        },
      },
    );
    expect(outcome.error).toBeUndefined();
    expect(told.map(([what]) => what)).toEqual(told.map(() => 'succeeded'));
    expect(told.length).toBeGreaterThan(1);
    expect(await world.rows('d', 'notes')).toHaveLength(3);
  });
});

describeWithMoto('the worker as a process of its own, over S3', (endpoint) => {
  const connection = {
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'testing', secretAccessKey: 'testing' },
  };
  const s3 = new S3Client({ ...connection, forcePathStyle: true });
  const glue = new GlueClient(connection);
  const own = randomUUID().slice(0, 8);
  const places = { landing: `landing-${own}`, work: `work-${own}`, lake: `lake-${own}` };
  const database = `notes_${own}`;
  let engine: TableEngine;
  let world: World;

  beforeAll(async () => {
    for (const Bucket of Object.values(places)) await s3.send(new CreateBucketCommand({ Bucket }));
    engine = duckdbEngine();
    const dataset = (table: string) => ({
      name: table,
      source: { prefix: 'notes/' },
      splitBytes: 4096,
      target: { database, table, sortBy: ['id'] },
    });
    world = makeWorld({
      objects: s3ObjectStore({ client: s3 }),
      catalog: glueCatalog({ client: glue }),
      engine,
      places,
      datasets: [dataset('by_function'), dataset('by_worker')],
    });
  });
  afterAll(async () => {
    await engine.close();
    s3.destroy();
    glue.destroy();
  });

  const read = async (table: string) => {
    const given = JSON.stringify({ endpoint, database, table });
    return runPython<[string[], unknown[][]]>('wrangler_table.py', [], given);
  };

  it('converts the tasks of a plan to the same rows as the function', async () => {
    const rows = Array.from({ length: 200 }, (_, i) => `${i},${(i * 7) % 5},"a ""word"", and\nanother ${i}"`);
    await world.put('notes/a.csv', `id,kind,text\n${rows.join('\n')}\n`);
    const environment = {
      PATH: process.env['PATH'],
      LANDING_BUCKET: places.landing,
      WORK_BUCKET: places.work,
      LAKE_BUCKET: places.lake,
      AWS_ENDPOINT_URL: endpoint,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'testing',
      AWS_SECRET_ACCESS_KEY: 'testing',
    };
    let processes = 0;
    const inProcess = async (event: unknown) => {
      processes++;
      const env = { ...environment, ...environmentOf(event) };
      const { stdout } = await promisify(execFile)(process.execPath, [WORKER], { env });
      return JSON.parse(stdout);
    };
    expect((await world.run({ dataset: 'by_function' })).error).toBeUndefined();
    expect((await world.run({ dataset: 'by_worker' }, { Convert: inProcess })).error).toBeUndefined();
    expect(processes).toBeGreaterThan(1);
    const [columns, found] = await read('by_worker');
    expect(found).toHaveLength(200);
    expect([columns, found]).toEqual(await read('by_function'));
  }, 60_000);
});
