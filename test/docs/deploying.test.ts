import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const { params } = parse(read('serverless.yml'), { logLevel: 'error' }) as {
  params: { default: Record<string, unknown> };
};

describe('docs/deploying.md', () => {
  const rows = read('docs/deploying.md')
    .split('\n')
    .filter((line) => line.startsWith('| `'));

  it.each(Object.entries(params.default))('has the param %s with its default', (name, value) => {
    const row = rows.find((line) => line.split('|')[1]!.includes(`\`${name}\``));
    expect(row).toBeDefined();
    if (value !== '' && !name.startsWith('worker')) expect(row!.split('|')[2]).toContain(`${value}`);
  });

  it('has no param that there is not', () => {
    const named = rows.flatMap((line) => [...line.split('|')[1]!.matchAll(/`(\w+)`/g)].map(([, name]) => name!));
    expect(named.filter((name) => !(name in params.default))).toEqual([]);
  });
});
