import { FUNCTION_UNSPLIT_MAX_BYTES } from '../limits.ts';
import type { ConvertTask } from './load.ts';

/**
 * Whether a task is for a container rather than a function: what cannot be read from its
 * middle (all but plain CSV) and so is one task however large it is, beyond what a function converts well within its time. It follows from sizes alone, so
 * that a plan is the same whenever it is made.
 */
export function needsContainer(task: ConvertTask): boolean {
  const bytes = task.inputs
    .filter(({ part }) => part.compression !== 'none' || part.format !== 'csv')
    .reduce((sum, { source, part }) => sum + (part.entry?.compressedBytes ?? source.sizeBytes), 0);
  return bytes > FUNCTION_UNSPLIT_MAX_BYTES;
}
