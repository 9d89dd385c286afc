import pMap from 'p-map';
import { rejectedPrefix } from '../../shared/commit/keys.ts';
import type { RunRequest } from '../../shared/commit/run-files.ts';
import type { RejectedRow } from '../../shared/engine/table-engine.ts';
import { SMALL_CALLS_AT_ONCE } from '../../shared/limits.ts';
import type { Ports } from '../../shared/ports/ports.ts';
import type { Judged } from './judge.ts';

/**
 * Puts the rejected rows where people look for them, one file a task. A range of an object knows its lines only from its
 * own beginning: what came before is added here, where all ranges are known.
 */
export async function writeRejects(ports: Ports, fixed: RunRequest, counted: Judged['counted']): Promise<void> {
  const { objects, places } = ports;
  const prefix = rejectedPrefix(fixed.request.dataset.name, fixed.run);
  const before = linesBefore(counted);
  await pMap(
    counted.filter(({ receipt }) => receipt.rejects !== undefined),
    async ({ task, receipt }) => {
      const from = { bucket: places.work, key: receipt.rejects!.key, etag: receipt.rejects!.etag };
      const to = { bucket: places.work, key: `${prefix}${task.task}.jsonl` };
      const shift = before.get(task.task) ?? 0;
      if (shift === 0) {
        await objects.copy(from, to);
        return;
      }
      const text = Buffer.from(await objects.read(from, { ifMatch: from.etag })).toString('utf8');
      await objects.put(to, shiftLines(text, shift), { contentType: 'application/x-ndjson' });
    },
    { concurrency: SMALL_CALLS_AT_ONCE },
  );
}

/** Physical lines of an object before each of its ranges, by task. */
function linesBefore(counted: Judged['counted']): Map<string, number> {
  const lines = new Map<string, number>();
  const ranges = counted.filter(({ task }) => task.inputs[0].range !== undefined);
  ranges.sort((a, b) => a.task.inputs[0].range!.index - b.task.inputs[0].range!.index);
  const seen = new Map<string, number>();
  for (const { task, receipt } of ranges) {
    const { id } = task.inputs[0].source;
    const sum = seen.get(id) ?? task.inputs[0].range!.dataLine;
    lines.set(task.task, sum);
    seen.set(id, sum + receipt.accounts[0].lines);
  }
  return lines;
}

function shiftLines(text: string, shift: number): string {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const row = JSON.parse(line) as RejectedRow;
      return `${JSON.stringify({ ...row, line: row.line === null ? null : row.line + shift })}\n`;
    })
    .join('');
}
