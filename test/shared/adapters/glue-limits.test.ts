import type { Partition, TableInput } from '@aws-sdk/client-glue';
import { describe, expect, it } from '@jest/globals';
import { glueCatalog } from '../../../shared/adapters/glue-catalog.ts';
import { AccessDenied, BadInput, CatalogConflict } from '../../../shared/errors.ts';
import { GLUE_ROUNDS } from '../../../shared/limits.ts';
import type { Catalog, TableState } from '../../../shared/ports/catalog.ts';
import { column, partitionOf, tableOf } from '../../contract/catalog.ts';
import { glueFault, limitedGlue } from '../../doubles/limited-glue.ts';

function make(pageSize?: number) {
  const glue = limitedGlue(pageSize);
  const pauses: number[] = [];
  const catalog: Catalog = glueCatalog({ client: glue.client, pause: async (ms) => void pauses.push(ms) });
  return { glue, catalog, pauses };
}

const numbered = (count: number, generation = 'g1', state: TableState = tableOf()) => ({
  ...state,
  partitions: Array.from({ length: count }, (_, i) => partitionOf(state, [`d${i}`], generation, 1)),
});

const WRITES = /^(?:Create|Update|Batch)/;

describe('the limits that Glue has', () => {
  it('creates and updates 100 at a time, deletes 25, and reads all pages', async () => {
    const { glue, catalog } = make();
    expect(await catalog.swap(numbered(260))).toMatchObject({ created: 260, calls: glue.calls.length });
    const sizes = (name: string, list: string) => glue.named(name).map((input) => (input[list] as unknown[]).length);
    expect(sizes('BatchCreatePartition', 'PartitionInputList')).toEqual([100, 100, 60]);
    expect(await catalog.swap(numbered(205, 'g2'))).toMatchObject({ created: 0, updated: 205, deleted: 55 });
    expect(sizes('BatchUpdatePartition', 'Entries')).toEqual([100, 100, 5]);
    expect(sizes('BatchDeletePartition', 'PartitionsToDelete')).toEqual([25, 25, 5]);
    expect(await catalog.partitions('demo', 't')).toHaveLength(205);
  });

  it('makes no writing call where nothing differs', async () => {
    const { glue, catalog } = make();
    await catalog.swap(numbered(30));
    const before = glue.calls.length;
    expect(await catalog.swap(numbered(30))).toMatchObject({ created: 0, updated: 0, deleted: 0 });
    expect(glue.calls.slice(before).filter((call) => WRITES.test(call.name))).toEqual([]);
  });

  it('changes the table first, then creates, repoints and drops', async () => {
    const { glue, catalog } = make();
    await catalog.swap(numbered(2));
    const before = glue.calls.length;
    const state = tableOf({ columns: [...tableOf().columns, column('extra', 'int')] });
    const next = { ...state, partitions: [partitionOf(state, ['d1'], 'g2', 1), partitionOf(state, ['d9'], 'g2', 1)] };
    await catalog.swap(next);
    expect(glue.calls.slice(before).flatMap((call) => (WRITES.test(call.name) ? [call.name] : []))).toEqual([
      'UpdateTable',
      'BatchCreatePartition',
      'BatchUpdatePartition',
      'BatchDeletePartition',
    ]);
  });

  it('shows every partition that stays at every moment, in its old place or its new one', async () => {
    const { glue, catalog } = make();
    await catalog.swap(numbered(120));
    const places = new Set<string>();
    glue.watcher.afterCall = () => {
      for (let i = 0; i < 110; i++) {
        const location = glue.partitions.get(`["d${i}"]`)?.StorageDescriptor?.Location ?? 'none';
        places.add(location.replace(`d${i}`, 'd'));
      }
    };
    await catalog.swap(numbered(110, 'g2'));
    expect([...places]).toEqual(['s3://lake/demo/t/day=d/g1/', 's3://lake/demo/t/day=d/g2/']);
  });

  it('moves an unpartitioned table by one call', async () => {
    const { glue, catalog } = make();
    const state = tableOf({ partitionColumns: [], partitions: [] });
    await catalog.swap({ ...state, partitions: [partitionOf(state, [], 'g1', 2)] });
    expect(await catalog.swap({ ...state, partitions: [partitionOf(state, [], 'g2', 2)] })).toMatchObject({
      updated: 1,
    });
    expect(glue.named('UpdateTable')).toHaveLength(1);
    expect(glue.held.table?.StorageDescriptor?.Location).toBe(`${state.root}g2/`);
    await catalog.swap(state);
    expect(glue.held.table?.StorageDescriptor?.Location).toBe(`${state.root}_empty/`);
    expect(await catalog.partitions('demo', 't')).toEqual([]);
    expect(glue.named('GetPartitions')).toEqual([]);
  });
});

describe('a table that others change too', () => {
  it('names the version it saw, archives none, and loses to a later one', async () => {
    const { glue, catalog } = make();
    await catalog.swap(numbered(1));
    const next = { ...numbered(1), parameters: { 'sluice.version': '2' } };
    await catalog.swap(next);
    expect(glue.named('UpdateTable')).toMatchObject([{ VersionId: '0', SkipArchive: true }]);
    glue.fail('UpdateTable', glueFault('ConcurrentModificationException'));
    await expect(catalog.swap({ ...next, parameters: { 'sluice.version': '3' } })).rejects.toThrow(CatalogConflict);
  });

  it('keeps columns, parameters and the description that others gave it', async () => {
    const { glue, catalog } = make();
    const state = numbered(1);
    await catalog.swap(state);
    const table = glue.held.table as TableInput;
    table.Description = 'kept';
    table.Parameters = { ...table.Parameters, theirs: 'kept' };
    table.StorageDescriptor?.Columns?.push({ Name: 'theirs', Type: 'int' });
    await catalog.swap({ ...state, columns: [...state.columns, column('extra', 'int')] });
    expect(glue.held.table?.Description).toBe('kept');
    expect(glue.held.table?.Parameters?.['theirs']).toBe('kept');
    const names = (storage: Partition['StorageDescriptor']) => storage?.Columns?.map((one) => one.Name);
    expect(names(glue.held.table?.StorageDescriptor)).toEqual(['id', 'name', 'extra', 'theirs']);
    for (const partition of glue.partitions.values()) {
      expect(names(partition.StorageDescriptor)).toEqual(['id', 'name', 'extra', 'theirs']);
    }
  });

  it('refuses a table that Sluice did not make, and other partition columns', async () => {
    const { glue, catalog } = make();
    await catalog.swap(numbered(1));
    const other = tableOf({ partitionColumns: [column('day', 'string'), column('hour', 'int')], partitions: [] });
    await expect(catalog.swap(other)).rejects.toThrow(/Cannot partition demo\.t by day, hour: .* by day, which never/);
    const { 'sluice.root': _, ...parameters } = glue.held.table?.Parameters ?? {};
    (glue.held.table as TableInput).Parameters = parameters;
    await expect(catalog.swap(numbered(1))).rejects.toThrow(BadInput);
    await expect(catalog.table('demo', 't')).rejects.toThrow(/Sluice did not make/);
    expect(glue.named('UpdateTable')).toEqual([]);
  });

  it('mends what another did to a partition', async () => {
    const { glue, catalog } = make();
    await catalog.swap(numbered(3));
    const one = glue.partitions.get('["d1"]') as Partition;
    const storage = { ...one.StorageDescriptor, SerdeInfo: { ...one.StorageDescriptor?.SerdeInfo } };
    storage.SerdeInfo.Parameters = { ...storage.SerdeInfo.Parameters, 'avro.schema.literal': '{}' };
    glue.partitions.set('["d1"]', { ...one, StorageDescriptor: storage });
    glue.partitions.delete('["d2"]');
    glue.partitions.set('["mine"]', { ...one, Values: ['mine'] });
    expect(await catalog.swap(numbered(3))).toMatchObject({ created: 1, updated: 1, deleted: 1 });
  });

  it('reads back until Glue shows what was written, and gives up in the end', async () => {
    const { glue, catalog, pauses } = make();
    const state = numbered(2);
    await catalog.swap(state);
    const old = [...glue.partitions.values()];
    glue.held.stale = [old, old, old];
    expect(await catalog.swap(numbered(2, 'g2'))).toMatchObject({ updated: 2 });
    expect(pauses.length).toBe(2);
    glue.held.stale = Array.from({ length: GLUE_ROUNDS + 1 }, () => old);
    await expect(catalog.swap(numbered(2, 'g3'))).rejects.toThrow(/^Glue does not show its partitions of demo\.t/);
  });
});

describe('errors of single partitions in a batch that succeeded', () => {
  it('updates what is there already', async () => {
    const { glue, catalog } = make();
    const old = partitionOf(tableOf(), ['d0'], 'g0', 1);
    glue.partitions.set('["d0"]', { Values: ['d0'], StorageDescriptor: { Location: old.location } });
    glue.held.stale = [[]];
    expect(await catalog.swap(numbered(2))).toMatchObject({ created: 1, updated: 1, deleted: 0 });
    const names = glue.calls.map((call) => call.name);
    expect(names.slice(names.indexOf('BatchCreatePartition'))).toEqual([
      'BatchCreatePartition',
      'BatchUpdatePartition',
      'GetPartitions',
    ]);
    expect(glue.partitions.get('["d0"]')?.StorageDescriptor?.Location).toBe('s3://lake/demo/t/day=d0/g1/');
  });

  it('makes anew what went away before its update', async () => {
    const { glue, catalog } = make();
    await catalog.swap(numbered(2));
    glue.held.stale = [[...glue.partitions.values()]];
    glue.partitions.delete('["d1"]');
    expect(await catalog.swap(numbered(2, 'g2'))).toMatchObject({ created: 1, updated: 1, deleted: 0 });
    expect(glue.partitions.size).toBe(2);
  });

  it('takes what is gone already for deleted', async () => {
    const { glue, catalog } = make();
    await catalog.swap(numbered(2));
    glue.held.stale = [[...glue.partitions.values()]];
    glue.partitions.delete('["d1"]');
    expect(await catalog.swap(numbered(1))).toMatchObject({ deleted: 1 });
  });

  it.each([
    ['create', 'InternalServiceException', CatalogConflict],
    ['create', 'InvalidInputException', BadInput],
    ['update', 'ConcurrentModificationException', CatalogConflict],
    ['update', 'AccessDeniedException', AccessDenied],
    ['delete', 'OperationTimeoutException', CatalogConflict],
    ['delete', 'SomethingNew', CatalogConflict],
  ])('throws when a %s meets %s', async (operation, code, expected) => {
    const { glue, catalog } = make();
    await catalog.swap(numbered(2));
    const next = { create: numbered(3), update: numbered(2, 'g2'), delete: numbered(1) }[operation] as TableState;
    const at = { create: 'd2', update: 'd1', delete: 'd1' }[operation];
    glue.entryFaults.set(`${operation} ["${at}"]`, code);
    await expect(catalog.swap(next)).rejects.toThrow(expected);
    await catalog.swap(next);
    expect(glue.partitions.size).toBe(next.partitions.length);
  });

  it('starts no further batch after one that failed', async () => {
    const { glue, catalog } = make(1_000);
    await catalog.swap(tableOf({ partitions: [] }));
    glue.fail('BatchCreatePartition', glueFault('ThrottlingException'));
    await expect(catalog.swap(numbered(1_200))).rejects.toThrow(CatalogConflict);
    expect(glue.named('BatchCreatePartition').length).toBeLessThanOrEqual(4);
  });
});

describe('errors of whole calls', () => {
  it.each([
    ['ThrottlingException', 400, CatalogConflict],
    ['OperationTimeoutException', 400, CatalogConflict],
    ['InternalServiceException', 500, CatalogConflict],
    ['NoNameForThis', 503, CatalogConflict],
    ['NoNameForThis', 429, CatalogConflict],
    ['AccessDeniedException', 400, AccessDenied],
    ['ExpiredTokenException', 400, AccessDenied],
    ['InvalidInputException', 400, BadInput],
    ['ResourceNumberLimitExceededException', 400, BadInput],
  ])('gives %s (%i) its name in the port', async (name, status, expected) => {
    for (const call of ['GetTable', 'CreateDatabase', 'CreateTable', 'GetPartitions', 'BatchCreatePartition']) {
      const { glue, catalog } = make();
      glue.fail(call, glueFault(name, status));
      await expect(catalog.swap(numbered(1))).rejects.toMatchObject({ name: expected.name, where: 'demo.t' });
      await catalog.swap(numbered(1));
      expect(glue.partitions.size).toBe(1);
    }
  });

  it('takes a connection that fails for a conflict', async () => {
    const { glue, catalog } = make();
    glue.fail('GetTable', Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }));
    await expect(catalog.swap(numbered(1))).rejects.toThrow(CatalogConflict);
  });

  it('lets an error that is none of the service through as it is', async () => {
    const { glue, catalog } = make();
    const bug = new TypeError('x is not a function');
    glue.fail('GetTable', bug);
    await expect(catalog.table('demo', 't')).rejects.toBe(bug);
  });

  it('goes on when another publisher made the database, and retries later when it made the table', async () => {
    const { glue, catalog } = make();
    glue.fail('CreateDatabase', glueFault('AlreadyExistsException'));
    glue.fail('CreateTable', glueFault('AlreadyExistsException'));
    await expect(catalog.swap(numbered(1))).rejects.toThrow(CatalogConflict);
    expect(glue.named('CreateTable')).toHaveLength(1);
  });
});

describe('what Athena, Spark and Hive read', () => {
  it.each([
    ['parquet', 'parquet.serde.ParquetHiveSerDe', 'MapredParquetInputFormat'],
    ['avro', 'serde2.avro.AvroSerDe', 'AvroContainerInputFormat'],
    ['csv', 'serde2.OpenCSVSerde', 'TextInputFormat'],
  ] as const)('says how %s is read, in table and partitions', async (format, library, input) => {
    const { glue, catalog } = make();
    const columns = [column('id', 'bigint', 'Id!'), column('at', 'timestamp')];
    const literal = '{"type":"record","name":"t","fields":[]}';
    const parameters: Record<string, string> = format === 'avro' ? { 'avro.schema.literal': literal } : {};
    const state = tableOf({ format, columns, parameters, values: [['x'], [null]] });
    await catalog.swap(state);
    const types = format === 'csv' ? ['string', 'string'] : ['bigint', 'timestamp'];
    const { table } = glue.held;
    expect(table).toMatchObject({
      TableType: 'EXTERNAL_TABLE',
      PartitionKeys: [{ Name: 'day', Type: 'string' }],
      Parameters: { classification: format, EXTERNAL: 'TRUE', ...parameters },
      StorageDescriptor: { Location: state.root },
    });
    expect(table?.StorageDescriptor?.Columns?.[0]?.Comment).toBe('Id!');
    expect(table?.Parameters?.['skip.header.line.count']).toBe(format === 'csv' ? '1' : undefined);
    expect([...glue.partitions.keys()]).toEqual(['["x"]', '["__HIVE_DEFAULT_PARTITION__"]']);
    const storages = [table, ...glue.partitions.values()].map((one) => one?.StorageDescriptor);
    for (const storage of storages) {
      expect(storage?.SerdeInfo?.SerializationLibrary).toBe(`org.apache.hadoop.hive.${pathOf(library)}`);
      expect(storage?.InputFormat?.endsWith(`.${input}`)).toBe(true);
      expect(storage?.NumberOfBuckets).toBe(-1);
      expect(storage?.Location?.endsWith('/')).toBe(true);
      expect(storage?.SerdeInfo?.Parameters?.['avro.schema.literal']).toBeUndefined();
      expect(storage?.Columns?.map((one) => one.Type)).toEqual(types);
    }
  });

  it('cuts a comment to what Glue takes and keeps the name whole', async () => {
    const { glue, catalog } = make();
    const original = `é\n${'ü'.repeat(400)}`;
    await catalog.swap(tableOf({ columns: [column('u', 'int', original)] }));
    const comment = glue.held.table?.StorageDescriptor?.Columns?.[0]?.Comment ?? '';
    expect(Buffer.byteLength(comment)).toBeLessThanOrEqual(255);
    expect(comment.startsWith('é ü')).toBe(true);
    expect((await catalog.table('demo', 't'))?.columns[0]?.original).toBe(original);
  });
});

function pathOf(library: string): string {
  return library.startsWith('serde2') ? library : `ql.io.${library}`;
}
