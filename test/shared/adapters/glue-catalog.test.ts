import { randomInt, randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GlueClient } from '@aws-sdk/client-glue';
import { CreateBucketCommand, DeleteObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { glueCatalog } from '../../../shared/adapters/glue-catalog.ts';
import { openDatabase } from '../../../shared/engine/duckdb.ts';
import { literal } from '../../../shared/engine/sql.ts';
import type { TableState } from '../../../shared/ports/catalog.ts';
import { column, describeCatalog, partitionOf, tableOf } from '../../contract/catalog.ts';
import { describeWithMoto, describeWithPython } from '../../setup/available.ts';
import { runPython } from '../../setup/run-python.ts';

const connection = {
  endpoint: process.env['SLUICE_TEST_MOTO_URL'],
  region: 'us-east-1',
  credentials: { accessKeyId: 'testing', secretAccessKey: 'testing' },
  maxAttempts: 1,
};

/** A client of an account that no other test has: moto keeps accounts apart by this header. */
function clientOfOwnAccount(): GlueClient {
  const account = String(randomInt(100_000_000_000, 999_999_999_999));
  const client = new GlueClient(connection);
  client.middlewareStack.add(
    (next) => (args) => {
      (args.request as { headers: Record<string, string> }).headers['x-moto-account-id'] = account;
      return next(args);
    },
    { step: 'build' },
  );
  return client;
}

describeWithMoto('Glue as moto has it', () => {
  describeCatalog('the Glue catalog', async () => {
    const client = clientOfOwnAccount();
    return {
      catalog: glueCatalog({ client }),
      keepsFiles: false,
      lay: async () => {},
      close: async () => client.destroy(),
    };
  });
});

describeWithMoto('awswrangler over moto', () => {
  describeWithPython('reads what the Glue catalog publishes', () => {
    const s3 = new S3Client({ ...connection, forcePathStyle: true });
    const glue = new GlueClient(connection);
    const catalog = glueCatalog({ client: glue });
    const bucket = `lake-${randomUUID()}`;
    const name = `db_${randomUUID().replaceAll('-', '_')}`;
    let scratch: string;

    beforeAll(async () => {
      scratch = mkdtempSync(join(tmpdir(), 'sluice-glue-'));
      await s3.send(new CreateBucketCommand({ Bucket: bucket }));
    });

    afterAll(() => {
      rmSync(scratch, { recursive: true, force: true });
      s3.destroy();
      glue.destroy();
    });

    const keyOf = (uri: string) => uri.slice(`s3://${bucket}/`.length);

    async function write(uri: string, select: string): Promise<void> {
      const path = join(scratch, 'file.parquet');
      const database = await openDatabase({ path: ':memory:', threads: 1, memoryBytes: 2 ** 28, scratch });
      const connected = await database.connect();
      await connected.run(`COPY (${select}) TO ${literal(path)} (FORMAT parquet, COMPRESSION zstd)`);
      connected.closeSync();
      database.closeSync();
      await s3.send(new PutObjectCommand({ Bucket: bucket, Key: keyOf(uri), Body: readFileSync(path) }));
    }

    /** Writes one file a partition and publishes them. */
    async function publish(state: TableState, selects: string[]): Promise<void> {
      for (const [i, select] of selects.entries()) await write(state.partitions[i]?.files[0] as string, select);
      await catalog.swap(state);
    }

    /** Columns and sorted rows as awswrangler reads them. */
    function read(table: string, options: { filter?: Record<string, string>; validate?: boolean } = {}) {
      const given = { endpoint: connection.endpoint, database: name, table, ...options };
      return runPython<[string[], unknown[][]]>('wrangler_table.py', [], JSON.stringify(given));
    }

    const shape = (table: string, given: Parameters<typeof tableOf>[0]) =>
      tableOf({ database: name, table, root: `s3://${bucket}/lake/${table}/`, ...given });

    it('with partitions, one of them replaced, with a filter and without', async () => {
      const state = shape('parts', {
        columns: [column('n', 'bigint'), column('x', 'double')],
        partitionColumns: [column('klass', 'int')],
        partitions: [],
      });
      const [one, two, three] = ['1', '2', '3'].map((value) => partitionOf(state, [value], 'g1', 1));
      await publish({ ...state, partitions: [one, two, three] as never }, [
        'SELECT 10::BIGINT AS n, 0.5::DOUBLE AS x',
        'SELECT 20::BIGINT AS n, 0.5::DOUBLE AS x',
        'SELECT 30::BIGINT AS n, 0.5::DOUBLE AS x',
      ]);
      const columns = ['n', 'x', 'klass'];
      expect(await read('parts')).toEqual([
        columns,
        [
          [10, 0.5, 1],
          [20, 0.5, 2],
          [30, 0.5, 3],
        ],
      ]);

      const next = partitionOf(state, ['2'], 'g2', 2);
      await write(next.files[0] as string, 'SELECT unnest([21, 22])::BIGINT AS n, 1.5::DOUBLE AS x');
      await catalog.swap({ ...state, partitions: [one, next, three] as never });
      const replaced = [
        [10, 0.5, 1],
        [21, 1.5, 2],
        [22, 1.5, 2],
        [30, 0.5, 3],
      ];
      expect(await read('parts', { filter: {} })).toEqual([columns, replaced]);
      expect(await read('parts', { filter: { klass: '2' } })).toEqual([columns, replaced.slice(1, 3)]);

      await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: keyOf(two?.files[0] as string) }));
      expect(await read('parts')).toEqual([columns, replaced]);
    });

    it('with a column that came later, as null in the older partitions', async () => {
      const first = shape('grown', { columns: [column('n', 'bigint')], values: [['a']] });
      await publish(first, ['SELECT 1::BIGINT AS n']);
      const grown = { ...first, columns: [...first.columns, column('late', 'string')] };
      const added = partitionOf(first, ['b'], 'g2', 1);
      await write(added.files[0] as string, `SELECT 2::BIGINT AS n, 'x' AS late`);
      await catalog.swap({ ...grown, partitions: [...first.partitions, added] });
      // By default awswrangler refuses files of two schemas, whoever wrote them.
      const [columns, rows] = await read('grown', { validate: false });
      const at = (column: string) => rows.map((row) => row[columns.indexOf(column)]);
      expect([at('n'), at('late'), at('day')]).toEqual([
        [1, 2],
        [null, 'x'],
        ['a', 'b'],
      ]);
    });

    it('without partitions: the new generation alone, while the old still lies beside it', async () => {
      const state = shape('plain', { columns: [column('n', 'bigint')], partitionColumns: [], partitions: [] });
      await publish({ ...state, partitions: [partitionOf(state, [], 'g1', 1)] }, ['SELECT 1::BIGINT AS n']);
      await publish({ ...state, partitions: [partitionOf(state, [], 'g2', 1)] }, ['SELECT 2::BIGINT AS n']);
      expect(await read('plain')).toEqual([['n'], [[2]]]);
    });
  });
});
