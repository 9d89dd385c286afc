import { readFileSync } from 'node:fs';
import type { DatasetDefinition } from '../../../shared/dataset/dataset.ts';
import { parseDataset } from '../../../shared/dataset/parse.ts';
import { registryOf } from '../../../shared/dataset/registry.ts';
import type { LoadRequest, RequestContext } from '../../../shared/dataset/request.ts';
import { groupByDataset, toRequest } from '../../../shared/dataset/to-request.ts';

/** A deployment's names, as the tests of requests use them. */
export const PLACES = { landing: 'landing', work: 'work', lake: 'lake' };
export const NOW = new Date('2024-03-01T02:00:00.000Z');

export function dataset(name: string, definition: Partial<DatasetDefinition> = {}) {
  const target = { database: 'db', table: name.replaceAll('-', '_'), ...definition.target };
  return parseDataset({ name, source: { prefix: `${name}/` }, ...definition, target }, 'the test');
}

export function context(definitions: ReturnType<typeof dataset>[], environment = {}): RequestContext {
  return { environment, datasets: registryOf(definitions), places: PLACES, now: NOW };
}

export function event(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`../../fixtures/events/${name}.json`, import.meta.url), 'utf8'));
}

/** The request of an input that asks for one. */
export function requestOf(input: unknown, around: RequestContext): LoadRequest {
  const asked = toRequest(input, around);
  if ('nothing' in asked) throw new Error(`The input asks for nothing: ${asked.notices.join('; ')}`);
  return asked;
}

export { groupByDataset, toRequest };
