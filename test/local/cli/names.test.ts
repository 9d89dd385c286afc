import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { describeWithPython } from '../../setup/available.ts';
import { accountsAddUp, makeSluice, multiset, type RunJson, type Sluice } from './sluice.ts';

const COLUMN = 'a"; drop table x --';
const OTHERS = ["b' or '1'='1", '"; detach lake; --', 'ünï cödé'];
/** What a partition's value may be, and what it reads back as. */
const VALUES: [string, string | null][] = [
  ['../../x', '../../x'],
  ['a=b', 'a=b'],
  ["'", "'"],
  ["'); drop table x; --", "'); drop table x; --"],
  ['"double"', '"double"'],
  ['ünï/日本', 'ünï/日本'],
  ['two\nlines', 'two\nlines'],
  ['%2F', '%2F'],
  ['{}[]*?', '{}[]*?'],
  [' blanks ', ' blanks '],
  ['.', '.'],
  ['..', '..'],
  ['', null],
  // Hive's folder for null: two partitions in it would overwrite each other's files.
  ['__HIVE_DEFAULT_PARTITION__', null],
];

describe('names and values that would be SQL or paths', () => {
  let sluice: Sluice;
  let loaded: RunJson;

  beforeAll(async () => {
    sluice = await makeSluice();
    const fields = (...values: string[]) => values.map((value) => `"${value.replaceAll('"', '""')}"`).join(',');
    const rows = VALUES.map(([value], i) => `${i},${fields(value, ...OTHERS, value)}`);
    const csv = `${fields(COLUMN, 'part', ...OTHERS, 'text')}\n${rows.join('\n')}\n`;
    const asked = ['--table', 'odd.names', '--partition-by', 'part', '--format', 'parquet,avro,csv'];
    loaded = await sluice.json(['load', await sluice.file('it is; "odd".csv', csv), ...asked]);
  });

  afterAll(() => sluice.remove());

  const columns = ['a_drop_table_x', 'b_or_1_1', 'detach_lake', 'uni_code', 'text', 'part'];
  const expected = multiset(VALUES.map(([value, part], i) => [i, ...OTHERS, value, part]));

  it('are loaded, each partition in its own folder under the table’s root', async () => {
    expect(accountsAddUp(loaded)).toBe(true);
    expect(loaded.tables.map(({ table, rows, partitions }) => [table, rows, partitions])).toEqual([
      ['names', 14, 13],
      ['names_avro', 14, 13],
      ['names_csv', 14, 13],
    ]);
    const keys = await sluice.keys('lake');
    expect(keys).toHaveLength(39);
    expect(keys.filter((key) => !/^odd\/names(_avro|_csv)?\/part=[^/]*\/[^/]+\/part-00000-[^/]+$/.test(key))).toEqual(
      [],
    );
    expect(keys).toContainEqual(expect.stringMatching(/^odd\/names\/part=\.\.%2F\.\.%2Fx\//));
  });

  it.each(['odd.names', 'odd.names_csv'])('are read back intact by query from %s', async (table) => {
    const rows = await sluice.query<Record<string, unknown>>(`select * from ${table}`);
    const texts =
      table === 'odd.names_csv' ? (row: Record<string, unknown>) => Number(row['a_drop_table_x']) : undefined;
    const values = rows.map((row) => columns.map((name, i) => (i === 0 && texts ? texts(row) : row[name])));
    expect(multiset(values)).toEqual(expected);
  });

  it('are found by their value, each alone', async () => {
    for (const [value, part] of VALUES.filter(([, part]) => part !== null)) {
      const literal = `'${part!.replaceAll("'", "''")}'`;
      const rows = await sluice.query(`select text from odd.names where part = ${literal}`);
      expect(rows).toEqual([{ text: value }]);
    }
  });

  it('leave the original names in the catalog', async () => {
    const [table] = await sluice.query<{ parameters: string }>(
      `select to_json(parameters) as parameters from sluice.tables where database_name = 'odd' and table_name = 'names'`,
    );
    const parameters = JSON.parse(table!.parameters) as Record<string, string>;
    const originals = JSON.parse(parameters['sluice.planned']!) as { name: string; original: string }[];
    expect(originals.map(({ name, original }) => [name, original])).toContainEqual(['a_drop_table_x', COLUMN]);
    expect(originals.map(({ original }) => original)).toEqual([COLUMN, 'part', ...OTHERS, 'text']);
  });

  describeWithPython('by other readers', () => {
    it.each(['odd/names', 'odd/names_avro'])(
      'are read back intact from %s, the original names in its files',
      async (folder) => {
        const table = await sluice.readWithPython(folder);
        expect(table.columns).toEqual(columns);
        expect(multiset(table.rows)).toEqual(expected);
        const originals = JSON.parse(table.metadata['sluice.columns']!) as { name: string; original: string }[];
        expect(originals[0]).toMatchObject({ name: 'a_drop_table_x', original: COLUMN });
      },
    );
  });
});
