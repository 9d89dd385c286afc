import { lambdaStep } from '../lambda-step.ts';
import { resolvePackagedRequest } from '../packaged-datasets.ts';
import { measureQuarantine } from '../quarantine-gauge.ts';
import { ListLatestInput, makeListLatest } from './step.ts';

/** list-latest: finds, claims and batches the objects that a run will load. */
export const handler = lambdaStep(
  'list-latest',
  ListLatestInput,
  (ports) => makeListLatest(ports, resolvePackagedRequest(ports.places)),
  undefined,
  // Every execution begins here, the hourly sweeps too.
  measureQuarantine,
);
