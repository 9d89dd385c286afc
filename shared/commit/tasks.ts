import { z } from 'zod';
import type { ObjectStore } from '../ports/object-store.ts';
import type { Worker } from '../ports/ports.ts';

/**
 * A Map's items are small: the task's name and where its description lies in a file of all descriptions, so that a hundred
 * thousand objects are planned with two puts and each task reads its own line with one ranged get.
 */
export const TaskItem = z.object({
  task: z.string(),
  /** Key of the descriptions in the work bucket, and the byte range [start, end) of this one. */
  at: z.object({ key: z.string(), start: z.int(), end: z.int() }),
});
export type TaskItem = z.infer<typeof TaskItem>;

/** Two files in the work bucket: the Map's items and the tasks' descriptions. */
export interface TaskList {
  items: string;
  tasks: string;
  count: number;
}

/** Writes the tasks of a step under the attempt's own folder. `workerOf`: where a task runs that a function has no time for. */
export async function writeTasks<T extends { task: string }>(
  objects: ObjectStore,
  bucket: string,
  folder: string,
  tasks: T[],
  workerOf: (task: T) => Worker | null = () => null,
): Promise<TaskList> {
  const key = `${folder}/tasks.jsonl`;
  const lines: Buffer[] = [];
  const items: (TaskItem & { worker: Worker | null })[] = [];
  let start = 0;
  for (const task of tasks) {
    const line = Buffer.from(`${JSON.stringify(task)}\n`);
    lines.push(line);
    items.push({ task: task.task, at: { key, start, end: start + line.length }, worker: workerOf(task) });
    start += line.length;
  }
  await objects.put({ bucket, key }, Buffer.concat(lines));
  const list = { items: `${folder}/items.json`, tasks: key, count: tasks.length };
  await objects.put({ bucket, key: list.items }, JSON.stringify(items), { contentType: 'application/json' });
  return list;
}

export async function readTask<T>(objects: ObjectStore, bucket: string, at: TaskItem['at']): Promise<T> {
  const bytes = await objects.read({ bucket, key: at.key }, { range: { start: at.start, end: at.end } });
  return JSON.parse(Buffer.from(bytes).toString('utf8')) as T;
}

/** All tasks of a step, in order. */
export async function readTasks<T>(objects: ObjectStore, bucket: string, list: TaskList): Promise<T[]> {
  const bytes = await objects.read({ bucket, key: list.tasks });
  const lines = Buffer.from(bytes).toString('utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as T);
}

/** `convert-000042`: names sort as the tasks stand. */
export function taskName(step: string, index: number): string {
  return `${step}-${String(index).padStart(6, '0')}`;
}
