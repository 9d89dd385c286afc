import { EVENTS_PER_EXECUTION } from '../infra/limits.ts';
import { uploadResources } from '../infra/uploads.ts';
import type { DatasetDefinition } from '../shared/dataset/dataset.ts';
import { memoryObjectStore } from '../test/doubles/memory-object-store.ts';
import { inputsOfPipe, type UploadEvent } from '../test/doubles/upload-pipe.ts';
import { makeWorld, type World } from '../test/doubles/world.ts';
import { atMost, type BenchOptions, type BenchResult } from './kit/bench.ts';
import { seededRandom } from './kit/random.ts';

export const about =
  'One run of 100,000 objects, and a burst of 10,000 uploads: payloads, histories, calls, executions';

/** The real steps and state machine over stores in memory, with an engine that does next to nothing. */
export async function run({ quick, log }: BenchOptions): Promise<BenchResult> {
  const many = await manyObjects(quick ? 5_000 : 100_000, log);
  const burst = await uploadBurst(quick ? 1_000 : 10_000, log);
  return {
    tables: [
      {
        title: 'One run',
        head: [
          'objects',
          'rows',
          'largest payload',
          'events',
          'most of a child',
          'children',
          'GET',
          'PUT',
          'HEAD',
          'LIST',
          'RSS',
          'seconds',
        ],
        rows: [many.row],
      },
      {
        title: 'A burst of uploads',
        head: ['uploads', 'deliveries', 'executions', 'rows', 'lost', 'twice', 'seconds'],
        rows: [burst.row],
      },
    ],
    bars: [...many.bars, ...burst.bars],
  };
}

const dataset = (name: string): DatasetDefinition & { name: string } => ({
  name,
  source: { prefix: `${name}/`, pick: 'new' },
  target: { database: 'd', table: name, partitionBy: ['day'], mode: 'append' },
});

async function manyObjects(count: number, log: BenchOptions['log']) {
  const objects = memoryObjectStore();
  const world = makeWorld({ objects, datasets: [dataset('many')] });
  for (let i = 0; i < count; i++) await world.put(`many/${i}.csv`, `id,day\n${i},d${i % 30}\n`);
  log(`${count} objects are there`);
  const before = { ...objects.calls };
  const startedAt = performance.now();
  const outcome = await world.run({ dataset: 'many' });
  const seconds = (performance.now() - startedAt) / 1000;
  if (outcome.error) throw new Error(`The run failed: ${JSON.stringify(outcome.error)}`);
  const rows = (await world.rows('d', 'many')).length;
  const calls = (kind: keyof typeof before) => objects.calls[kind] - before[kind];
  const rssMb = process.resourceUsage().maxRSS / 1024;
  const counts = (['get', 'put', 'head', 'list'] as const).map((kind) => String(calls(kind)));
  return {
    row: [
      ...[String(count), String(rows), `${outcome.maxPayloadBytes} B`, String(outcome.events)],
      ...[String(outcome.maxChildEvents), String(outcome.executions - 1), ...counts],
      ...[`${rssMb.toFixed(0)} MB`, seconds.toFixed(0)],
    ],
    bars: [
      atMost('rows lost or doubled', Math.abs(rows - count), 0, ''),
      atMost('largest payload', outcome.maxPayloadBytes, 200_000, ' B'),
      atMost('events of a history', Math.max(outcome.events, outcome.maxChildEvents), 20_000, ''),
    ],
  };
}

async function uploadBurst(count: number, log: BenchOptions['log']) {
  const world = makeWorld({ datasets: [dataset('burst')] });
  const next = seededRandom(1);
  const events: UploadEvent[] = [];
  for (let i = 0; i < count; i++) {
    const key = `burst/${i}.csv`;
    await world.put(key, `id,day\n${i},d${i % 30}\n`);
    const { etag, sizeBytes } = (await world.ports.objects.head({ bucket: 'landing', key }))!;
    // Within a minute.
    events.push({ bucket: 'landing', key, etag, sizeBytes, atSeconds: (i * 60) / count });
  }
  const inputs = inputsOfPipe(events, {
    template: templateOf(world),
    batchSize: EVENTS_PER_EXECUTION,
    windowSeconds: 30,
    pollers: 5,
    random: next,
    duplicates: 0.05,
  });
  log(`${inputs.length} executions`);
  const startedAt = performance.now();
  for (let i = 0; i < inputs.length; i += AT_ONCE) {
    const outcomes = await Promise.all(inputs.slice(i, i + AT_ONCE).map((input) => world.run(input)));
    for (const { error } of outcomes) if (error) throw new Error(`An execution failed: ${JSON.stringify(error)}`);
  }
  const seconds = (performance.now() - startedAt) / 1000;
  const rows = await world.rows('d', 'burst');
  const ids = new Set(rows.map((row) => row['id']));
  const deliveries = inputs.reduce<number>((sum, input) => sum + (input as unknown[]).length, 0);
  return {
    row: [
      ...[count, deliveries, inputs.length, rows.length, count - ids.size, rows.length - ids.size].map(String),
      seconds.toFixed(0),
    ],
    bars: [
      atMost('executions of the burst', inputs.length, Math.ceil(count * 0.015), ''),
      atMost('uploads lost', count - ids.size, 0, ''),
      atMost('uploads loaded twice', rows.length - ids.size, 0, ''),
    ],
  };
}

/** Executions that run side by side. */
const AT_ONCE = 10;

function templateOf(world: World): string {
  const { BurstPipe } = uploadResources(world.datasets.all(), { by: 'eventbridge', windowSeconds: 30 }) as Record<
    string,
    { Properties: { TargetParameters: { InputTemplate: string } } }
  >;
  return BurstPipe!.Properties.TargetParameters.InputTemplate;
}
