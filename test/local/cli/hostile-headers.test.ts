import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { duckdbEngine } from '../../../shared/engine/duckdb-engine.ts';
import { makeWorld } from '../../doubles/world.ts';
import { accountsAddUp, makeSluice, type RunJson, type Sluice } from './sluice.ts';

/** Names of columns as somebody might have them who means harm, or does not know better. */
const HEADERS = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  '',
  '',
  'same',
  'same',
  'Same',
  'x'.repeat(300),
  `${'x'.repeat(299)}y`,
  '😀',
  '🚀🚀',
  "'; drop table t; --",
  'select',
  'a b.c/d',
  'Größe',
  '1st',
  'f',
  't0',
  'c0',
  'misfit',
  'file_index',
  ' \t ',
  'two\nlines',
  '{"a":1}',
];

describe('hostile column headers', () => {
  let sluice: Sluice;
  let loaded: RunJson;
  let columns: string[];

  beforeAll(async () => {
    sluice = await makeSluice();
    const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
    const rows = Array.from({ length: 5 }, (_, r) => HEADERS.map((_, c) => `v${r}_${c}`).join(','));
    const csv = `${HEADERS.map(quoted).join(',')}\n${rows.join('\n')}\n`;
    const path = await sluice.file('hostile.csv', csv);
    loaded = await sluice.json(['load', path, '--table', 'h.hostile', '--format', 'parquet,avro,csv']);
    const [first] = await sluice.query<Record<string, unknown>>('select * from h.hostile');
    columns = Object.keys(first!);
  });

  afterAll(() => sluice.remove());

  it('are loaded, every column and row of them, in every format', async () => {
    expect(accountsAddUp(loaded)).toBe(true);
    expect(loaded.tables.map(({ rows }) => rows)).toEqual([5, 5, 5]);
    for (const table of ['h.hostile', 'h.hostile_csv']) {
      const rows = await sluice.query<Record<string, unknown>>(`select * from ${table}`);
      const values = rows.map((row) => columns.map((name) => row[name]));
      expect(values.sort()).toEqual(Array.from({ length: 5 }, (_, r) => HEADERS.map((_, c) => `v${r}_${c}`)));
    }
  });

  it("are names by Athena's rules in the catalog: lower-case letters, digits and _, at most 255, none twice", () => {
    expect(columns).toHaveLength(HEADERS.length);
    expect(columns.filter((name) => !/^[a-z0-9_]{1,255}$/.test(name))).toEqual([]);
    expect(new Set(columns).size).toBe(HEADERS.length);
  });

  it('are kept as they were beside', async () => {
    const [table] = await sluice.query<{ parameters: string }>(
      "select to_json(parameters) as parameters from sluice.tables where database_name = 'h' and table_name = 'hostile'",
    );
    const parameters = JSON.parse(table!.parameters) as Record<string, string>;
    const planned = JSON.parse(parameters['sluice.planned']!) as { name: string; original: string }[];
    expect(planned.map(({ original }) => original)).toEqual(HEADERS);
    expect(planned.map(({ name }) => name)).toEqual(columns);
  });

  it('are named in rejected rows as they are', async () => {
    const csv = 'constructor,__proto__,\n1,2,3\n2,x,4\n3,4\n4,5,6\n5,6,7\n6,7,8\n7,8,9\n8,9,10\n9,"1,2\n';
    const found = await sluice.json([
      ...['load', await sluice.file('bad.csv', csv), '--table', 'h.bad', '--set', 'rejects.rows=5'],
    ]);
    expect(accountsAddUp(found)).toBe(true);
    const rejects = await sluice.json<{ line: number; column: string | null }[]>(['rejects']);
    expect(rejects.map(({ line, column }) => [line, column])).toContainEqual([4, '']);
  });

  it('leave Object.prototype untouched, rescued and rejected fields among them', async () => {
    const before = Reflect.ownKeys(Object.prototype);
    const engine = duckdbEngine({ threads: 1, memoryBytes: 512 * 1024 * 1024 });
    const world = makeWorld({
      engine,
      datasets: [
        {
          name: 'hostile',
          source: { prefix: 'h/', csv: { onShortRow: 'pad' } },
          target: { database: 'h', table: 'hostile' },
          rejects: { rows: 10 },
        },
      ],
    });
    const header = '__proto__,constructor,toString';
    await world.put('h/x.csv', `${header}\n1,a,"{""__proto__"": {""polluted"": 1}}"\n2,b\nx,c,d\n3,"e,f\n`);
    const outcome = await world.run({ dataset: 'hostile' });
    await engine.close();
    expect(outcome.status).toBe('SUCCEEDED');
    expect(Reflect.ownKeys(Object.prototype)).toEqual(before);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  }, 60_000);
});
