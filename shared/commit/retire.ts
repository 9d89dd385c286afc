import type { ObjectInfo } from '../ports/object-store.ts';
import type { Ports } from '../ports/ports.ts';
import { bringToHead } from './head.ts';
import type { Lock } from './lock.ts';
import { type Published, writePublished } from './publish.ts';

/**
 * P9: deletes under the tables' roots what readers of the catalog have not found for the grace of the commit that replaced
 * it. What no commit names (a late copy by a publisher that was thought dead) goes once it is as old. The caller holds the
 * lock. Returns the number of files deleted.
 */
export async function retireReplaced(ports: Ports, dataset: string, lock: Lock): Promise<number> {
  const { state, published, etag } = await bringToHead(ports, dataset, lock);
  const now = ports.clock.now().getTime();
  let deleted = 0;
  let applied = state.version;
  for (const table of state.tables.values()) {
    const live = new Set(table.files.map((file) => file.key));
    const due: string[] = [];
    for await (const info of ports.objects.list(table.bucket, table.root)) {
      if (live.has(info.key)) continue;
      const replacedBy = state.retired.get(`${info.bucket}/${info.key}`);
      if (dueAt(info, replacedBy, published) <= now) due.push(info.key);
      else applied = Math.min(applied, (replacedBy ?? state.version) - 1);
    }
    lock.check();
    if (due.length > 0) await ports.objects.deleteMany(table.bucket, due);
    deleted += due.length;
  }
  // As far as nothing waits: where files are replaced all the time, something always does.
  if (applied > published.applied) {
    const shown = published.shown.filter(({ version }) => version > applied);
    await writePublished(ports, dataset, { ...published, applied, shown }, etag);
  }
  return deleted;
}

/** When the file may go, in milliseconds since 1970. */
function dueAt({ lastModified }: ObjectInfo, replacedBy: number | undefined, published: Published): number {
  const step = replacedBy === undefined ? undefined : published.shown.find(({ version }) => version >= replacedBy);
  const { since, graceSeconds } = step
    ? { since: Date.parse(step.at), graceSeconds: step.graceSeconds }
    : { since: lastModified.getTime(), graceSeconds: published.graceSeconds };
  return since + graceSeconds * 1000;
}
