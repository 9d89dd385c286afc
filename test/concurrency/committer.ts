import type { Intent, NewFile } from '../../shared/commit/entry.ts';
import { finishRun } from '../../shared/commit/finish.ts';
import { putOnce } from '../../shared/commit/json-object.ts';
import { runKeys } from '../../shared/commit/keys.ts';
import { type RunRequest, runFiles } from '../../shared/commit/run-files.ts';
import { settle } from '../../shared/commit/verdict.ts';
import { graceSecondsOf } from '../../shared/dataset/dataset.ts';
import { parseDataset } from '../../shared/dataset/parse.ts';
import type { Ports } from '../../shared/ports/ports.ts';

export const DATASET = 'sales';
export const TABLE = { database: 'shop', table: 'sales', bucket: 'lake', root: 'shop/sales/' };

/** By partition: its new files, each a list of rows. */
export type Replacement = Map<string, string[][]>;

/** Runs that come to their end in one call: a partition's files staged, then P5 to P8 as the steps do it. */
export function committer(ports: Ports, readers: 'catalog' | 'path', graceMinutes?: number) {
  const target = { database: TABLE.database, table: TABLE.table, partitionBy: ['day'], readers };
  const dataset = parseDataset(
    { name: DATASET, target: graceMinutes === undefined ? target : { ...target, graceMinutes } },
    'the test',
  );
  let runs = 0;

  /** What a run has written when its publish begins. */
  async function prepare(replacement: Replacement): Promise<RunRequest> {
    const run = `r${String(runs++).padStart(5, '0')}`;
    const fixed: RunRequest = {
      run,
      executionId: run,
      startedAt: ports.clock.now().toISOString(),
      request: {
        dataset,
        trigger: 'person',
        objects: undefined,
        referenceTime: ports.clock.now().toISOString(),
        constants: {},
        force: false,
        notices: [],
      },
    };
    await runFiles(ports, run).fixRequest(fixed);
    await runFiles(ports, run).fixGathered('first', {
      ...{ broken: 0, whole: undefined, counted: [], accounts: [], failed: [], buckets: undefined, rowsWritten: 0 },
    });
    const files: NewFile[] = [];
    for (const [partition, held] of replacement) {
      for (const [i, rows] of held.entries()) {
        const staged = `runs/${run}/repartition/${partition}/${i}`;
        const body = rows.map((row) => `${row}\n`).join('');
        const { etag } = await ports.objects.put({ bucket: ports.places.work, key: staged }, body);
        const name = `part-${String(i).padStart(5, '0')}.parquet`;
        files.push({ partition: [partition], name, staged, etag, rows: rows.length, bytes: body.length });
      }
    }
    const intent: Intent = {
      kind: 'commit',
      run,
      dataset: DATASET,
      at: ports.clock.now().toISOString(),
      force: false,
      readers,
      graceSeconds: graceSecondsOf(dataset, ports.graceMinutes),
      sources: [],
      tables: [
        {
          ...TABLE,
          format: 'parquet',
          columns: [{ name: 'id', original: 'id', type: 'string' }],
          partitionColumns: [{ name: 'day', original: 'day', type: 'string' }],
          parameters: {},
          replaces: 'partitions',
          emptied: [],
          files,
        },
      ],
      fixed: [],
      plannedAt: 0,
    };
    await putOnce(ports.objects, { bucket: ports.places.work, key: runKeys.intent(run) }, intent);
    await settle(ports.objects, ports.places.work, run, 'commit', run);
    return fixed;
  }

  return {
    dataset,
    prepare,
    /** The run that committed. Throws what its publisher threw. */
    async commit(replacement: Replacement): Promise<string> {
      const fixed = await prepare(replacement);
      await finishRun(ports, fixed, { run: fixed.run, executionId: fixed.executionId, attempt: ports.newId() });
      return fixed.run;
    },
  };
}
