import type { ObjectInfo } from '../ports/object-store.ts';
import type { Ports } from '../ports/ports.ts';
import type { LogState } from './fold.ts';
import { bringToHead } from './head.ts';
import { type Published, writePublished } from './publish.ts';

/**
 * P9: deletes under the tables' roots what readers of the catalog have not found for the grace of the commit that replaced
 * it. What no commit names (a late copy by a publisher that was thought dead) goes once it is as old. The caller holds the
 * lock. Returns the number of files deleted.
 */
export async function retireReplaced(ports: Ports, dataset: string): Promise<number> {
  const { state, published } = await bringToHead(ports, dataset);
  const now = ports.clock.now().getTime();
  let deleted = 0;
  let waiting = 0;
  for (const table of state.tables.values()) {
    const live = new Set(table.files.map((file) => file.key));
    const due: string[] = [];
    for await (const info of ports.objects.list(table.bucket, table.root)) {
      if (live.has(info.key)) continue;
      if (dueAt(info, state, published) <= now) due.push(info.key);
      else waiting++;
    }
    if (due.length > 0) await ports.objects.deleteMany(table.bucket, due);
    deleted += due.length;
  }
  if (waiting === 0) await writePublished(ports, dataset, { ...published, applied: state.version, shown: [] });
  return deleted;
}

/** When the file may go, in milliseconds since 1970. */
function dueAt({ bucket, key, lastModified }: ObjectInfo, state: LogState, published: Published): number {
  const replacedBy = state.retired.get(`${bucket}/${key}`);
  const step = replacedBy === undefined ? undefined : published.shown.find(({ version }) => version >= replacedBy);
  const { since, graceSeconds } = step
    ? { since: Date.parse(step.at), graceSeconds: step.graceSeconds }
    : { since: lastModified.getTime(), graceSeconds: published.graceSeconds };
  return since + graceSeconds * 1000;
}
