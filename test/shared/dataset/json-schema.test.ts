import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { datasetJsonSchema } from '../../../shared/dataset/json-schema.ts';

interface Described {
  description?: string;
  properties?: Record<string, Described>;
}

describe('datasets/dataset.schema.json', () => {
  it('is what `npm run schema` writes', () => {
    const written = readFileSync(new URL('../../../datasets/dataset.schema.json', import.meta.url), 'utf8');
    expect(written).toBe(datasetJsonSchema());
  });

  it('describes every key', () => {
    const bare: string[] = [];
    const visit = (schema: Described, path: string) => {
      for (const [key, inner] of Object.entries(schema.properties ?? {})) {
        if (!inner.description) bare.push(`${path}${key}`);
        visit(inner, `${path}${key}.`);
      }
    };
    visit(JSON.parse(datasetJsonSchema()) as Described, '');
    expect(bare).toEqual([]);
  });
});
