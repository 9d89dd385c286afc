import { rm } from 'node:fs/promises';
import { LRUCache } from 'lru-cache';
import pMap from 'p-map';
import { z } from 'zod';
import { writeReceipt } from '../../shared/commit/receipts.ts';
import { runFiles } from '../../shared/commit/run-files.ts';
import { storeOf } from '../../shared/commit/source-store.ts';
import { readTask, TaskItem } from '../../shared/commit/tasks.ts';
import type { FailedSource, ReadReceipt, ReadTask } from '../../shared/domain/load.ts';
import { isObjectFault, objectErrorRecord } from '../../shared/errors.ts';
import { KnownFiles } from '../../shared/formats/csv/sniff-like.ts';
import { FILES_AT_ONCE, KNOWN_RUNS } from '../../shared/limits.ts';
import { uri } from '../../shared/ports/object-store.ts';
import type { Ports } from '../../shared/ports/ports.ts';
import { describeObject } from './describe-object.ts';

export const ReadInput = TaskItem.extend({ run: z.string() });
export type ReadInput = z.infer<typeof ReadInput>;

export interface ReadOutput {
  found: number;
  failed: number;
}

/** Finds out what each object of a batch is: container, dialect, columns and the evidence of their types. */
export function makeRead(ports: Ports) {
  // one of many tasks of a run is likely to be followed by another, which has files of the same kind
  const knownOfRun = new LRUCache<string, KnownFiles>({ max: KNOWN_RUNS });
  return async (event: ReadInput, attempt: string): Promise<ReadOutput> => {
    const { request } = await runFiles(ports, event.run).request();
    const task = await readTask<ReadTask>(ports.objects, ports.places.work, event.at);
    const { access } = request.dataset.source;
    const scratch = await ports.newScratch();
    try {
      const found: ReadReceipt['found'] = [];
      const failed: FailedSource[] = [];
      const known = knownOfRun.get(event.run) ?? new KnownFiles();
      knownOfRun.set(event.run, known);
      const outcomes = await pMap(
        task.sources,
        async (source, i): Promise<ReadReceipt['found'][number] | FailedSource> => {
          try {
            const engine = () => ports.engine();
            const store = storeOf(ports, access, source);
            return {
              source,
              parts: await describeObject(
                { store, engine, scratch: `${scratch}/${i}`, known },
                source,
                request.dataset,
              ),
            };
          } catch (error) {
            // One object's fault is that object's; anything else is the task's, to be tried again.
            if (!isObjectFault(error)) throw error;
            return { source, step: 'read', error: objectErrorRecord(error, uri(source)) };
          }
        },
        { concurrency: FILES_AT_ONCE },
      );
      for (const outcome of outcomes) {
        if ('parts' in outcome) found.push(outcome);
        else failed.push(outcome);
      }
      const receipt: ReadReceipt = { task: event.task, attempt, found, failed };
      const held = await writeReceipt(ports.objects, ports.places.work, event.run, 'read', event.task, receipt);
      return { found: held.found.length, failed: held.failed.length };
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  };
}
