import { SluiceError, TooManyFailures, TooManyRejects } from '../errors.ts';
import { uri } from '../ports/object-store.ts';
import type { FailedSource } from './load.ts';

/** Rejected rows that an object may have, of the rows that were read of it: whichever of the two is larger. */
export function toleratedRejects({ rows, share }: { rows: number; share: number }, read: number): number {
  return Math.max(rows, Math.floor(share * read));
}

/** The error that an object's rejected rows make of it, or undefined where they are tolerated. */
export function judgeRejects(
  where: string,
  { rejected, read, first }: { rejected: number; read: number; first?: string | undefined },
  tolerance: { rows: number; share: number },
): TooManyRejects | undefined {
  const tolerated = toleratedRejects(tolerance, read);
  if (rejected <= tolerated) return undefined;
  const told = first ? `; the first: ${first}` : '';
  return new TooManyRejects(
    `${where} has ${rejected} rejected rows of ${read} where ${tolerated} are tolerated${told}`,
    { where },
  );
}

/**
 * The error that failed objects make of a run, or undefined where they are tolerated. A run of which every object failed
 * always fails, under the objects' own error where they share one.
 */
export function judgeFailures(failed: FailedSource[], loaded: number, toleratedShare: number): SluiceError | undefined {
  if (failed.length === 0) return undefined;
  const [first] = failed;
  const where = first.error.where ?? uri(first.source);
  if (loaded === 0) {
    const shared = failed.every((failure) => failure.error.name === first.error.name);
    if (failed.length === 1) return new SluiceError(first.error.name, first.error.message, { where });
    const message = `All ${failed.length} objects failed; the first, ${uri(first.source)}: ${first.error.message}`;
    return new SluiceError(shared ? first.error.name : 'TooManyFailures', message, { where });
  }
  const total = failed.length + loaded;
  if (failed.length <= toleratedShare * total) return undefined;
  const tolerated = Math.floor(toleratedShare * total);
  return new TooManyFailures(
    `${failed.length} of ${total} objects failed where ${tolerated} are tolerated; the first, ${uri(first.source)}: ${first.error.message}`,
    { where },
  );
}
