import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import {
  LAMBDA_MAX_SECONDS,
  LOCK_LEASE_SECONDS,
  LOCK_WORK_SECONDS,
  QUARANTINE_COPY_MAX_BYTES,
  QUARANTINE_FETCH_MAX_BYTES,
} from '../../shared/limits.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');

describe('docs/guarantees.md', () => {
  const text = read('docs/guarantees.md');
  const named = [...new Set([...text.matchAll(/`(test\/[\w/.-]+\.ts)`/g)].map(([, path]) => path!))];

  it.each(named)('names %s, which is there', (path) => {
    expect(existsSync(join(ROOT, path))).toBe(true);
  });

  it('has a test for every promise', () => {
    const rows = text.split('\n').filter((line) => line.startsWith('| **'));
    expect(rows.length).toBeGreaterThan(10);
    for (const row of rows) expect(row).toMatch(/`test\/[\w/.-]+\.test\.ts`/);
  });

  it.each(['test/concurrency', 'test/faults'])('names every test of %s', (folder) => {
    const tests = readdirSync(join(ROOT, folder)).filter((name) => name.endsWith('.test.ts'));
    for (const name of tests) expect(text).toContain(`\`${folder}/${name}\``);
  });

  it('has the bounds that the code has', () => {
    const lease = LOCK_LEASE_SECONDS / 60;
    const work = LOCK_WORK_SECONDS / 60;
    const flat = text.replaceAll('\n', ' ').replace(/ +/g, ' ');
    expect(flat).toContain(`differ by less than ${lease - work} minutes`);
    expect(flat).toContain(
      `lasts ${lease} minutes, of which it uses ${work}; a Lambda lives ${LAMBDA_MAX_SECONDS / 60} at most`,
    );
    expect(flat).toContain(`above ${QUARANTINE_COPY_MAX_BYTES / 2 ** 30} GiB`);
    expect(flat).toContain(`above ${QUARANTINE_FETCH_MAX_BYTES / 2 ** 20} MiB`);
  });

  it('is linked from the README', () => {
    expect(read('README.md')).toContain('(docs/guarantees.md)');
  });
});
