import { z } from 'zod';
import { DatasetDefinition } from './dataset.ts';

/** The JSON Schema of a data set's file as text. Draft 7, which every editor's YAML support knows. */
export function datasetJsonSchema(): string {
  const schema = z.toJSONSchema(DatasetDefinition, { io: 'input', target: 'draft-7' });
  return `${JSON.stringify({ title: 'Sluice data set', ...schema }, null, 2)}\n`;
}
