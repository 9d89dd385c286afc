import { join } from 'node:path';
import { type DatasetRegistry, readDatasets } from '../shared/dataset/registry.ts';
import { toRequest } from '../shared/dataset/to-request.ts';
import type { Places } from '../shared/ports/ports.ts';
import type { ResolveRequest } from './list-latest/step.ts';

/** Requests against the data sets that are packaged with the function, under `datasets/`. */
export function resolvePackagedRequest(places: Places): ResolveRequest {
  let datasets: Promise<DatasetRegistry> | undefined;
  return async (input, now) => {
    datasets ??= readDatasets(join(process.env.LAMBDA_TASK_ROOT ?? process.cwd(), 'datasets'));
    return toRequest(input, { environment: process.env, datasets: await datasets, places, now });
  };
}
