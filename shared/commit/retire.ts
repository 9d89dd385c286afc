import type { Ports } from '../ports/ports.ts';
import { bringToHead } from './head.ts';
import { writePublished } from './publish.ts';

/**
 * P9: deletes under the tables' roots what has not been live for at least `graceSeconds`. What no commit ever named (a
 * late copy by a publisher that was thought dead) goes once it is as old. The caller holds the lock. Returns the number of
 * files deleted.
 */
export async function retireReplaced(ports: Ports, dataset: string, graceSeconds: number): Promise<number> {
  const { state, published } = await bringToHead(ports, dataset);
  const horizon = ports.clock.now().getTime() - graceSeconds * 1000;
  let deleted = 0;
  let waiting = 0;
  for (const table of state.tables.values()) {
    const live = new Set(table.files.map((file) => file.key));
    const due: string[] = [];
    for await (const info of ports.objects.list(table.bucket, table.root)) {
      if (live.has(info.key)) continue;
      const replacedAt = state.retired.get(`${table.bucket}/${info.key}`) ?? info.lastModified.toISOString();
      if (new Date(replacedAt).getTime() <= horizon) due.push(info.key);
      else waiting++;
    }
    if (due.length > 0) await ports.objects.deleteMany(table.bucket, due);
    deleted += due.length;
  }
  if (waiting === 0) await writePublished(ports, dataset, { ...published, applied: state.version });
  return deleted;
}
