import { readJson } from '../../shared/commit/json-object.ts';
import { readTasks } from '../../shared/commit/tasks.ts';
import type { Gathered, LiveGroup, Plan, RepartitionTask } from '../../shared/domain/load.ts';
import { REWRITE_TASK_BYTES } from '../../shared/limits.ts';
import type { Ports } from '../../shared/ports/ports.ts';

export type Rewrites = Pick<Gathered, 'drops' | 'rewrites' | 'rowsRewritten'> & {
  tasks: Omit<RepartitionTask, 'task'>[];
};

/**
 * The live files that leave with the commit, given which sources are loaded, and the tasks that write what is left of them:
 * an object that failed replaces nothing. Files all of whose rows are replaced need no task.
 */
export async function planRewrites(ports: Ports, plan: Plan, loaded: ReadonlySet<string>): Promise<Rewrites> {
  if (plan.live === undefined && plan.replaced === undefined) return { tasks: [] };
  const { objects, places } = ports;
  const groups = plan.live ? await readTasks<LiveGroup>(objects, places.work, plan.live) : [];
  const replaced = plan.replaced
    ? await readJson<Record<string, string[]>>(objects, { bucket: places.work, key: plan.replaced })
    : {};
  return rewritesOf(groups, replaced, loaded);
}

export function rewritesOf(
  groups: LiveGroup[],
  replaced: Record<string, string[]>,
  loaded: ReadonlySet<string>,
): Rewrites {
  const drops = new Set(Object.entries(replaced).flatMap(([id, versions]) => (loaded.has(id) ? versions : [])));
  const leaving = groups.filter((group) => group.widens || Object.keys(group.rowsOf).some((id) => drops.has(id)));
  const rewrites: Record<string, string[]> = {};
  for (const { keys } of leaving) {
    for (const [table, own] of Object.entries(keys)) rewrites[table] = [...(rewrites[table] ?? []), ...own];
  }
  const tasks = packs(leaving.filter((group) => droppedOf([group], drops).rows < group.rows)).map((pack) => {
    const { table, partition, bucket } = pack[0];
    const dropped = droppedOf(pack, drops);
    return {
      table,
      inputs: pack.flatMap((group) => group.inputs),
      partition: { values: partition, bucket },
      rewrites: {
        of: [...new Set(pack.flatMap((group) => group.of))].sort((one, other) => one - other),
        without: dropped.ids,
        rowsDropped: dropped.rows,
      },
    };
  });
  const rows = tasks.flatMap(({ inputs }) => inputs).reduce((sum, file) => sum + file.rows, 0);
  const rowsDropped = tasks.reduce((sum, task) => sum + task.rewrites.rowsDropped, 0);
  return { drops: [...drops], rewrites, rowsRewritten: rows - rowsDropped, tasks };
}

function droppedOf(groups: LiveGroup[], drops: ReadonlySet<string>): { ids: string[]; rows: number } {
  const held = groups.flatMap(({ rowsOf }) => Object.entries(rowsOf)).filter(([id]) => drops.has(id));
  return { ids: [...new Set(held.map(([id]) => id))], rows: held.reduce((sum, [, rows]) => sum + rows, 0) };
}

/** Groups of one table and partition, together as many as one task should write. */
function packs(groups: LiveGroup[]): LiveGroup[][] {
  const open = new Map<string, { groups: LiveGroup[]; bytes: number }>();
  const packed: LiveGroup[][] = [];
  for (const group of groups) {
    const key = `${group.table} ${JSON.stringify(group.partition)}`;
    const pack = open.get(key);
    if (pack && pack.bytes + group.bytes <= REWRITE_TASK_BYTES) {
      pack.groups.push(group);
      pack.bytes += group.bytes;
      continue;
    }
    const own = [group];
    open.set(key, { groups: own, bytes: group.bytes });
    packed.push(own);
  }
  return packed;
}
