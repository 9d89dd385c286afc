import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { DatasetDefinition } from '../../shared/dataset/dataset.ts';
import { olderNames, WITHOUT_EFFECT } from '../../shared/dataset/older-inputs.ts';
import { allKeys } from '../../shared/dataset/problems.ts';

const read = (name: string) => readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8');

describe('docs/datasets.md', () => {
  const text = read('datasets.md');
  const leaves = allKeys().filter((key, _, all) => !all.some((other) => other.startsWith(`${key}.`)));
  const short = (key: string) => key.replace(/^(?:source\.csv|source|target|start)\./, '');

  it.each(leaves)('has the key %s', (key) => {
    expect(text).toMatch(new RegExp(`^\\|[^|]*\`${short(key).replaceAll('.', '\\.')}\``, 'm'));
  });

  it('has the defaults that the code has', () => {
    const schema = z.toJSONSchema(DatasetDefinition, { io: 'input' });
    for (const [key, value] of defaultsOf(schema as Described)) {
      const row = text
        .split('\n')
        .find((line) => new RegExp(`^\\|[^|]*\`${short(key).replaceAll('.', '\\.')}\``).test(line));
      const shown = Array.isArray(value) ? (value.length === 0 ? 'none' : `[${value.join(', ')}]`) : textOf(value);
      expect([key, row]).toEqual([key, expect.stringContaining(shown === '' ? 'empty' : shown)]);
    }
  });
});

describe('docs/inputs.md', () => {
  it.each([...olderNames(), ...WITHOUT_EFFECT.keys()])('has the older name %s', (name) => {
    expect(read('inputs.md')).toContain(`\`${name}\``);
  });
});

function textOf(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

interface Described {
  default?: unknown;
  properties?: Record<string, Described>;
}

function defaultsOf(schema: Described, prefix = ''): [string, unknown][] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, inner]): [string, unknown][] => {
    if (inner.properties) return defaultsOf(inner, `${prefix}${key}.`);
    return inner.default === undefined ? [] : [[`${prefix}${key}`, inner.default]];
  });
}
