import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Column, ColumnType, OutputFormat, PartitionValues } from '../../shared/domain/schema.ts';
import { BadInput } from '../../shared/errors.ts';
import type { Catalog, CatalogPartition, TableState } from '../../shared/ports/catalog.ts';

/** A live file as the catalog under test may want to find it. */
export interface LiveFile {
  uri: string;
  format: OutputFormat;
  columns: Column[];
  rows: number;
}

/** A catalog of the test's own, empty at the start. */
export interface CatalogUnderTest {
  catalog: Catalog;
  /** Whether `partitions()` gives back `files`. */
  keepsFiles: boolean;
  /** Puts a file where the catalog looks for it. */
  lay(file: LiveFile): Promise<void>;
  close(): Promise<void>;
}

export function column(name: string, type: ColumnType, original: string = name): Column {
  return { name, original, type };
}

const ODD_VALUES = [
  'a"; drop table x --',
  '../../x',
  "it's",
  'ünï/çødé ✓ 日本',
  'line\nbreak',
  'a=b&c%2Fd+e f',
  '[*?]{}',
  'null',
  ' lead and trail ',
];

const ALL_TYPES: ColumnType[] = [
  'boolean',
  'int',
  'bigint',
  'float',
  'double',
  'decimal(18,3)',
  'date',
  'timestamp',
  'string',
  'binary',
];

/** A table of the given shape, its partitions all of one generation. */
export function tableOf(given: Partial<TableState> & { values?: PartitionValues[] } = {}): TableState {
  const { values, ...state } = given;
  const root = state.root ?? `s3://lake/${state.database ?? 'demo'}/${state.table ?? 't'}/`;
  const partitionColumns = state.partitionColumns ?? [column('day', 'string')];
  const columns = state.columns ?? [column('id', 'bigint'), column('name', 'string', 'Full "Name"')];
  const base: TableState = {
    database: 'demo',
    table: 't',
    format: 'parquet',
    root,
    columns,
    partitionColumns,
    partitions: [],
    parameters: {},
    ...state,
  };
  const partitions =
    state.partitions ?? (values ?? [['2024-01-01'], ['2024-01-02'], [null]]).map((v) => partitionOf(base, v, 'g1', 3));
  return { ...base, partitions };
}

/** A partition of one file, under its Hive path and a generation. */
export function partitionOf(
  table: Pick<TableState, 'root' | 'partitionColumns' | 'format'>,
  values: PartitionValues,
  generation: string,
  rows: number,
): CatalogPartition {
  const path = values
    .map(
      (value, i) => `${table.partitionColumns[i]?.name}=${encodeURIComponent(value ?? '__HIVE_DEFAULT_PARTITION__')}/`,
    )
    .join('');
  const location = `${table.root}${path}${generation}/`;
  return { values, location, files: [`${location}part-0.${table.format}`], rows };
}

/** What every catalog must do. Each test has a catalog of its own. */
export function describeCatalog(name: string, make: () => Promise<CatalogUnderTest>): void {
  describe(`${name} keeps the catalog's contract`, () => {
    let under: CatalogUnderTest;

    beforeEach(async () => {
      under = await make();
    });

    afterEach(async () => {
      await under.close();
    });

    async function swap(state: TableState) {
      for (const partition of state.partitions) {
        for (const uri of partition.files) {
          await under.lay({ uri, format: state.format, columns: state.columns, rows: partition.rows });
        }
      }
      return under.catalog.swap(state);
    }

    async function expectShown(state: TableState): Promise<void> {
      const table = await under.catalog.table(state.database, state.table);
      const { partitions: _, parameters, ...shape } = state;
      expect(table).toMatchObject({ ...shape, parameters });
      expect(table?.columns).toEqual(state.columns);
      expect(await shown(state)).toEqual(sorted(state.partitions.map(comparable)));
    }

    async function shown(state: Pick<TableState, 'database' | 'table'>) {
      return sorted((await under.catalog.partitions(state.database, state.table)).map(comparable));
    }

    function comparable(partition: CatalogPartition): CatalogPartition {
      return under.keepsFiles ? partition : { ...partition, files: [] };
    }

    it('knows nothing of a table that was never published', async () => {
      expect(await under.catalog.table('demo', 't')).toBeUndefined();
      expect(await under.catalog.partitions('demo', 't')).toEqual([]);
      await swap(tableOf());
      expect(await under.catalog.table('demo', 'other')).toBeUndefined();
      expect(await under.catalog.table('other', 't')).toBeUndefined();
      expect(await under.catalog.partitions('other', 't')).toEqual([]);
    });

    it('makes database, table and partitions, and shows them as they were given', async () => {
      const state = tableOf({ parameters: { 'sluice.version': '7', note: 'für Leute' } });
      expect(await swap(state)).toMatchObject({ created: 3, updated: 0, deleted: 0 });
      await expectShown(state);
    });

    it('changes nothing the second time', async () => {
      const state = tableOf();
      await swap(state);
      const before = await under.catalog.table('demo', 't');
      expect(await under.catalog.swap(state)).toMatchObject({ created: 0, updated: 0, deleted: 0 });
      expect(await under.catalog.table('demo', 't')).toEqual(before);
      await expectShown(state);
    });

    it('repoints one partition and leaves the others alone', async () => {
      const state = tableOf();
      await swap(state);
      const [first, second, third] = state.partitions as [CatalogPartition, CatalogPartition, CatalogPartition];
      const next = { ...state, partitions: [first, partitionOf(state, second.values, 'g2', 5), third] };
      expect(await swap(next)).toMatchObject({ created: 0, updated: 1, deleted: 0 });
      await expectShown(next);
    });

    it('shows more rows in the same place', async () => {
      const state = tableOf();
      await swap(state);
      const [first, ...others] = state.partitions as [CatalogPartition, ...CatalogPartition[]];
      const grown = { ...first, files: [...first.files, `${first.location}part-1.parquet`], rows: 10 };
      const next = { ...state, partitions: [grown, ...others] };
      expect(await swap(next)).toMatchObject({ created: 0, updated: 1, deleted: 0 });
      await expectShown(next);
    });

    it('makes, repoints and drops partitions in one swap', async () => {
      const state = tableOf();
      await swap(state);
      const next = {
        ...state,
        partitions: [
          partitionOf(state, ['2024-01-02'], 'g2', 4),
          partitionOf(state, ['2024-01-03'], 'g2', 4),
          partitionOf(state, [null], 'g1', 3),
        ],
      };
      expect(await swap(next)).toMatchObject({ created: 1, updated: 1, deleted: 1 });
      await expectShown(next);
    });

    it('empties a table and fills it again', async () => {
      const state = tableOf();
      await swap(state);
      const empty = { ...state, partitions: [] };
      expect(await swap(empty)).toMatchObject({ created: 0, updated: 0, deleted: 3 });
      await expectShown(empty);
      expect(await swap(state)).toMatchObject({ created: 3, updated: 0, deleted: 0 });
      await expectShown(state);
    });

    it('keeps odd partition values apart, nulls among them', async () => {
      const partitionColumns = [column('where_', 'string'), column('n', 'int')];
      const values = [...ODD_VALUES, null].flatMap((odd): PartitionValues[] => [
        [odd, '-1'],
        [odd, null],
      ]);
      const state = tableOf({ partitionColumns, values });
      expect(await swap(state)).toMatchObject({ created: 20 });
      await expectShown(state);
      expect(await under.catalog.swap(state)).toMatchObject({ created: 0, updated: 0, deleted: 0 });
    });

    it('adds columns, and shows the table anew', async () => {
      const state = tableOf();
      await swap(state);
      const before = await under.catalog.table('demo', 't');
      const next = {
        ...state,
        columns: [...state.columns, column('extra', 'double', 'Éxtra col\n1'), column('late', 'date')],
        partitions: [...state.partitions, partitionOf(state, ['2024-01-03'], 'g2', 1)],
      };
      expect(await swap(next)).toMatchObject({ created: 1, deleted: 0 });
      await expectShown(next);
      expect((await under.catalog.table('demo', 't'))?.version).not.toBe(before?.version);
      expect(await under.catalog.swap(next)).toMatchObject({ created: 0, updated: 0, deleted: 0 });
    });

    it('follows the parameters', async () => {
      const state = tableOf({ parameters: { 'sluice.version': '1', kept: 'yes' } });
      await swap(state);
      const next = { ...state, parameters: { 'sluice.version': '2', kept: 'yes', more: 'x"\'y' } };
      expect(await swap(next)).toMatchObject({ created: 0, updated: 0, deleted: 0 });
      await expectShown(next);
    });

    it('keeps the original names', async () => {
      const columns = [
        column('a_drop_table_x', 'string', 'a"; drop table x --'),
        column('__proto__', 'int', '../../x'),
        column('c', 'int', "C'\n\u0001ÿ"),
      ];
      const state = tableOf({ columns, partitionColumns: [column('land', 'string', 'Länd; "x"')] });
      await swap(state);
      await expectShown(state);
      expect((await under.catalog.table('demo', 't'))?.partitionColumns[0]?.original).toBe('Länd; "x"');
    });

    it.each(['parquet', 'avro', 'csv'] as const)('takes every type in %s', async (format) => {
      const columns = ALL_TYPES.map((type, i) => column(`c${i}`, type, `C ${i}`));
      const state = tableOf({
        format,
        columns,
        parameters: format === 'avro' ? { 'avro.schema.literal': '{"type":"record"}' } : {},
      });
      await swap(state);
      await expectShown(state);
      expect(await under.catalog.swap(state)).toMatchObject({ created: 0, updated: 0, deleted: 0 });
    });

    it.each(['parquet', 'avro', 'csv'] as const)('moves a %s table without partitions as a whole', async (format) => {
      const state = tableOf({ format, partitionColumns: [], partitions: [] });
      expect(await swap(state)).toMatchObject({ created: 0, updated: 0, deleted: 0 });
      await expectShown(state);
      const filled = { ...state, partitions: [partitionOf(state, [], 'g1', 3)] };
      expect(await swap(filled)).toMatchObject({ created: 1, updated: 0, deleted: 0 });
      await expectShown(filled);
      const moved = { ...state, partitions: [partitionOf(state, [], 'g2', 4)] };
      expect(await swap(moved)).toMatchObject({ created: 0, updated: 1, deleted: 0 });
      await expectShown(moved);
      expect(await under.catalog.swap(moved)).toMatchObject({ created: 0, updated: 0, deleted: 0 });
      expect(await swap(state)).toMatchObject({ created: 0, updated: 0, deleted: 1 });
      await expectShown(state);
    });

    it('takes more partitions than any batch or page holds', async () => {
      const values = Array.from({ length: 260 }, (_, i) => [`d${i}`]);
      const state = tableOf({ values });
      expect(await swap(state)).toMatchObject({ created: 260 });
      await expectShown(state);
      const next = { ...state, partitions: values.slice(0, 30).map((v) => partitionOf(state, v, 'g2', 1)) };
      expect(await swap(next)).toMatchObject({ created: 0, updated: 30, deleted: 230 });
      await expectShown(next);
    });

    it('keeps tables apart, also when several are swapped at once', async () => {
      const states = [
        tableOf({ table: 't' }),
        tableOf({ table: 't_avro', format: 'avro', values: [['x']] }),
        tableOf({ database: 'other', table: 't', values: [['y'], ['z']] }),
      ];
      await Promise.all(states.map(swap));
      for (const state of states) await expectShown(state);
    });

    it('refuses two partitions of the same values, and two without a partition column', async () => {
      const twice = tableOf({ values: [['x'], ['x']] });
      await expect(swap(twice)).rejects.toThrow(BadInput);
      const state = tableOf({ partitionColumns: [], partitions: [] });
      const two = { ...state, partitions: [partitionOf(state, [], 'g1', 1), partitionOf(state, [], 'g2', 1)] };
      await expect(swap(two)).rejects.toThrow(BadInput);
    });
  });
}

function sorted(partitions: CatalogPartition[]): CatalogPartition[] {
  return partitions.toSorted((a, b) => (JSON.stringify(a.values) < JSON.stringify(b.values) ? -1 : 1));
}
