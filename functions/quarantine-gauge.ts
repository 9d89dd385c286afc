import { LIST_PAGE_KEYS } from '../shared/limits.ts';
import type { Ports } from '../shared/ports/ports.ts';
import { logger, MetricUnit, metrics } from '../shared/telemetry.ts';

/**
 * `ObjectsInQuarantine`: how many objects lie under `failed/`, of all data sets, as far as one page of the listing tells. For
 * the alarm, which only asks whether there are any; a listing that fails is logged and fails no load.
 */
export async function measureQuarantine({ objects, places }: Pick<Ports, 'objects' | 'places'>): Promise<void> {
  try {
    let seen = 0;
    let quarantined = 0;
    for await (const { key } of objects.list(places.work, 'failed/')) {
      if (key.endsWith('.error.json')) quarantined++;
      if (++seen === LIST_PAGE_KEYS) break;
    }
    metrics.addMetric('ObjectsInQuarantine', MetricUnit.Count, quarantined);
  } catch (error) {
    logger.warn('Cannot tell what is in quarantine', error as Error);
  }
}
