import type { ObjectStore } from '../ports/object-store.ts';
import { putOnce, readJsonIfAny } from './json-object.ts';
import { runKeys } from './keys.ts';

/** P2: the first write is final. Publishing a run needs `commit`, taking over from it or vacuuming it needs `abort`. */
export type Verdict = 'commit' | 'abort';

interface VerdictRecord {
  verdict: Verdict;
  /** Who decided: the run itself, or the one that took over. */
  by: string;
}

/** Asks for a verdict on a run and returns the one that holds. */
export async function settle(
  objects: ObjectStore,
  bucket: string,
  run: string,
  wanted: Verdict,
  by: string,
): Promise<Verdict> {
  const record: VerdictRecord = { verdict: wanted, by };
  const { value } = await putOnce(objects, { bucket, key: runKeys.verdict(run) }, record);
  return value.verdict;
}

export async function verdictOf(objects: ObjectStore, bucket: string, run: string): Promise<Verdict | undefined> {
  const record = await readJsonIfAny<VerdictRecord>(objects, { bucket, key: runKeys.verdict(run) });
  return record?.verdict;
}
