import type { Ports } from '../ports/ports.ts';
import type { LogState } from './fold.ts';
import { type Published, publishHead, readPublished, writePublished } from './publish.ts';

/**
 * P9: deletes under the tables' roots what has not been live for at least `graceSeconds`. What no commit ever named (a
 * late copy by a publisher that was thought dead) goes once it is as old. The caller holds the lock.
 */
export async function retireReplaced(
  ports: Ports,
  dataset: string,
  state: LogState,
  graceSeconds: number,
): Promise<{ deleted: number; published: Published }> {
  await publishHead(ports, dataset, state);
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
    await ports.objects.deleteMany(table.bucket, due);
    deleted += due.length;
  }
  const before = await readPublished(ports, dataset);
  const published = { ...before, applied: waiting === 0 ? state.version : before.applied };
  await writePublished(ports, dataset, published);
  return { deleted, published };
}
