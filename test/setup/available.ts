import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe } from '@jest/globals';

/** Real input beside the repository; not part of it. */
export const SHARED_DATA = fileURLToPath(new URL('../../../shared/data/', import.meta.url));

/** A suite that needs moto's S3, Glue, STS or Step Functions; reported as skipped where test/run.sh could not set it up. */
export function describeWithMoto(name: string, suite: (motoUrl: string) => void): void {
  const url = process.env['SLUICE_TEST_MOTO_URL'];
  describeIf(url !== undefined, name, 'no Python environment with moto', () => suite(url!));
}

/** A suite that runs scripts of test/python. */
export function describeWithPython(name: string, suite: () => void): void {
  describeIf(process.env['SLUICE_TEST_PYTHON'] !== undefined, name, 'no Python environment', suite);
}

/** A suite that reads the real input beside the repository, in `SHARED_DATA`. */
export function describeWithSharedData(name: string, suite: (folder: string) => void): void {
  describeIf(existsSync(SHARED_DATA), name, 'no ../shared/data', () => suite(SHARED_DATA));
}

function describeIf(available: boolean, name: string, reason: string, suite: () => void): void {
  if (available) describe(name, suite);
  else describe.skip(`${name} (skipped: ${reason})`, suite);
}
