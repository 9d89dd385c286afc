import { mkdir, rm } from 'node:fs/promises';
import pMap from 'p-map';
import { z } from 'zod';
import { FileUploads } from '../../shared/commit/file-uploads.ts';
import { runKeys } from '../../shared/commit/keys.ts';
import { writeReceipt } from '../../shared/commit/receipts.ts';
import { runFiles } from '../../shared/commit/run-files.ts';
import { readTask, TaskItem } from '../../shared/commit/tasks.ts';
import type { FinalStoredFile, PlannedTable, RepartitionReceipt, RepartitionTask } from '../../shared/domain/load.ts';
import { AccountsMismatch } from '../../shared/errors.ts';
import { FILES_AT_ONCE } from '../../shared/limits.ts';
import type { Ports } from '../../shared/ports/ports.ts';

export const RepartitionStepInput = TaskItem.extend({ run: z.string() });
export type RepartitionStepInput = z.infer<typeof RepartitionStepInput>;

/** One bucket of the shuffle: its staged files become the final files of its partitions, sorted, in every format. */
export function makeRepartition(ports: Ports) {
  return async (event: RepartitionStepInput, attempt: string): Promise<{ rows: number }> => {
    const plan = await runFiles(ports, event.run).plan();
    const task = await readTask<RepartitionTask>(ports.objects, ports.places.work, event.at);
    const table = plan.tables[task.table];
    const scratch = await ports.newScratch();
    try {
      const inputs = await pMap(
        task.inputs,
        async (file, i) => {
          const path = `${scratch}/staged-${i}.parquet`;
          const bucket = task.partition?.bucket ?? ports.places.work;
          // A live file has a key of its own for ever; one in the run's folder is pinned to what its receipt says.
          await ports.objects.download({ bucket, key: file.key }, path, task.partition ? {} : { ifMatch: file.etag });
          return path;
        },
        { concurrency: FILES_AT_ONCE },
      );
      const engine = await ports.engine();
      const { columns, writing } = task.partition ? withoutPartitions(table) : table;
      await mkdir(`${scratch}/out`, { recursive: true });
      const without = task.rewrites?.without ?? [];
      const folder = runKeys.attempt(event.run, 'repartition', event.task, attempt);
      await using uploads = new FileUploads(ports, (n) => `${folder}/final-${n}`);
      const outcome = await engine.repartition({
        ...{ inputs, columns, writing, without, scratch: `${scratch}/out` },
        onFile: uploads.begin,
      });
      const staged = task.inputs.reduce((sum, file) => sum + file.rows, 0);
      if (outcome.rowsRead !== staged) {
        throw new AccountsMismatch(`Task ${task.task} read ${outcome.rowsRead} rows where ${staged} were staged`);
      }
      const dropped = task.rewrites?.rowsDropped ?? 0;
      if (outcome.rowsDropped !== dropped) {
        throw new AccountsMismatch(
          `Task ${task.task} left ${outcome.rowsDropped} rows out where the log says that ${dropped} are replaced`,
        );
      }
      const files = await Promise.all(
        outcome.files.map(
          async (file): Promise<FinalStoredFile> => ({
            ...(await uploads.stored(file)),
            format: file.format,
            partition: task.partition?.values ?? file.partition,
            ...(file.rowsOf ? { rowsOf: file.rowsOf } : {}),
          }),
        ),
      );
      const receipt: RepartitionReceipt = {
        task: event.task,
        attempt,
        table: task.table,
        rowsRead: outcome.rowsRead,
        rowsDropped: outcome.rowsDropped,
        files,
      };
      const held = await writeReceipt(ports.objects, ports.places.work, event.run, 'repartition', event.task, receipt);
      return { rows: held.rowsRead };
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  };
}

/** Files of one partition do not hold its columns, and need not be told apart by them. */
function withoutPartitions({ writing }: PlannedTable): Pick<PlannedTable, 'columns' | 'writing'> {
  return { columns: writing.columns, writing: { ...writing, partitions: [] } };
}
