import { describe, expect, it } from '@jest/globals';
import { mirrorRelative } from '../../../shared/dataset/places.ts';
import { OutputInsideSource } from '../../../shared/errors.ts';
import { context, dataset, event, requestOf, toRequest } from './contexts.ts';

const nobody = context([]);

describe('the latest CSV into a partitioned table', () => {
  const input = {
    data_ref: '20240131',
    bucket_src: 'raw',
    bucket_dstn: 'curated',
    prefix: 'sales/',
    substr: '_{data_ref}',
    schema: ['id', 'store', 'amount'],
    pathoutput: 'tables/sales_daily',
    table: 'sales_daily',
    database: 'retail',
    partitions_cols: ['data_ref', 'store'],
  };

  it('is a whole data set', () => {
    const request = requestOf(input, nobody);
    expect(request.dataset).toMatchObject({
      name: 'retail-sales_daily',
      schema: ['id', 'store', 'amount'],
      source: { bucket: 'raw', prefix: 'sales/', contains: '_{data_ref}', pick: 'latest', onNothing: 'fail' },
      target: {
        bucket: 'curated',
        database: 'retail',
        table: 'sales_daily',
        // The table's folder is then tables/sales_daily/, as it was.
        path: 'tables',
        partitionBy: ['data_ref', 'store'],
        mode: 'overwrite-partitions',
        formats: ['parquet'],
      },
    });
    expect([request.constants, request.trigger, request.objects]).toEqual([
      { data_ref: '20240131' },
      'person',
      undefined,
    ]);
  });

  it('is partitioned by data_ref, of yesterday, where nothing is said', () => {
    const { dataset: made, constants } = requestOf({ bucket_src: 'raw', table: 't', database: 'd' }, nobody);
    expect([made.target.partitionBy, constants]).toEqual([['data_ref'], { data_ref: '20240229' }]);
    expect(made.target.path).toBeUndefined();
  });

  it('takes text where an environment or a command line holds lists', () => {
    const request = requestOf(
      { ...input, schema: 'id, store,amount', partitions_cols: '["store"]', data_ref: 20240131, pathoutput: '/out/' },
      nobody,
    );
    expect([request.dataset.schema, request.dataset.target.partitionBy, request.dataset.target.path]).toEqual([
      ['id', 'store', 'amount'],
      ['store'],
      'out',
    ]);
    const typed = requestOf(
      { ...input, schema: '{"id": "bigint", "store": "string"}', partitions_cols: 'store' },
      nobody,
    );
    expect(typed.dataset.schema).toEqual({ id: 'bigint', store: 'string' });
  });

  it('may stand in the environment, whole or in part', () => {
    const environment = {
      bucket_src: 'raw',
      prefix: 'p/',
      table: 't',
      database: 'd',
      data_ref: '20200101',
      PATH: '/bin',
    };
    const around = context([], environment);
    const request = requestOf({}, around);
    expect([request.dataset.name, request.dataset.source.prefix, request.constants['data_ref']]).toEqual([
      'd-t',
      'p/',
      '20200101',
    ]);
    const over = requestOf({ prefix: 'q/', data_ref: '20240101' }, around);
    expect([over.dataset.source.prefix, over.constants['data_ref']]).toEqual(['q/', '20240101']);
    const events = requestOf([{ bucket: 'raw', key: 'p/x.csv' }], around);
    expect([events.dataset.name, events.trigger, events.constants['data_ref']]).toEqual(['d-t', 'event', '20200101']);
  });

  it('does not reach a data set that is named', () => {
    const around = context([dataset('x')], { bucket_src: 'raw', table: 't', database: 'd', data_ref: '20200101' });
    const request = requestOf({ dataset: 'x' }, around);
    expect([request.dataset.target.table, request.constants['data_ref']]).toEqual(['x', '20240229']);
  });

  it('may have fields of a data set beside the older names', () => {
    const request = requestOf(
      { ...input, max_workers: 4, target: { readers: 'path' }, 'source.timezone': 'Asia/Tokyo' },
      nobody,
    );
    expect([
      request.dataset.target.readers,
      request.dataset.source.timezone,
      request.dataset.source.bucket,
      request.dataset.concurrency.workers,
    ]).toEqual(['path', 'Asia/Tokyo', 'raw', 4]);
  });

  it.each<[object, string | RegExp]>([
    [
      { bucket_src: 'raw' },
      /^The input names no table and no database, needed for the latest CSV into a partitioned table/,
    ],
    [{ ...input, table: '' }, /^The input names no table, needed for/],
    [{ ...input, input_bucket: 'x' }, /^The input mixes the latest CSV .* with CSV to Parquet and Avro/],
    [{ ...input, partitions_cols: 3 }, 'partitions_cols must be a list of names, not 3'],
    [{ ...input, schema: '[1]' }, 'schema must be a list of names, not "[1]"'],
    [{ ...input, bucket_src: ['a'] }, 'bucket_src must be text, not ["a"]'],
    [{ ...input, partitions_cols: ['shop'] }, /partitionBy "shop" is no column of the table: it has id, store, amount/],
    [{ ...input, max_worker: 3 }, 'The input\'s key "max_worker" is unknown; did you mean "max_workers"?'],
  ])('refuses %j', (wrong, message) => {
    expect(() => toRequest(wrong, nobody)).toThrow(message);
  });

  it('refuses an environment of two forms', () => {
    expect(() => toRequest({}, context([], { bucket_src: 'a', input_bucket: 'b' }))).toThrow(/^The environment mixes/);
  });
});

describe('CSV to Parquet and Avro side by side', () => {
  const input = {
    input_bucket: 'in',
    output_bucket: 'out',
    prefix: 'csv/',
    max_workers: 8,
    cache_size: 64,
    use_wrangler: true,
  };

  it('mirrors csv/x.csv as parquet/x.parquet and avro/x.avro', () => {
    const { dataset: made, notices } = requestOf(input, nobody);
    expect(made).toMatchObject({
      source: { bucket: 'in', prefix: 'csv/', pick: 'all', onNothing: 'skip' },
      target: { bucket: 'out', layout: 'mirror', formats: ['parquet', 'avro'], database: 'mirror' },
      concurrency: { workers: 8 },
      cacheEntries: 64,
    });
    expect(mirrorRelative(made, 'csv/2024/x.csv')).toBe('2024/x.csv');
    expect(notices).toEqual(['use_wrangler has no effect: there is one writer']);
  });

  it('has 20 workers and a cache of 128 where nothing is said', () => {
    const { dataset: made } = requestOf({ input_bucket: 'in', output_bucket: 'out' }, nobody);
    expect([made.concurrency.workers, made.cacheEntries, made.source.prefix]).toEqual([20, 128, '']);
    expect(mirrorRelative(made, 'csv/x.csv')).toBe('x.csv');
  });

  it('keeps the folders below csv/ whatever the prefix', () => {
    const { dataset: made } = requestOf({ ...input, prefix: 'csv/2024/' }, nobody);
    expect(mirrorRelative(made, 'csv/2024/x.csv')).toBe('2024/x.csv');
    expect(mirrorRelative(requestOf({ ...input, prefix: 'drop/' }, nobody).dataset, 'drop/x.csv')).toBe('x.csv');
  });

  it('is a data set of its own for each pair of places, always the same', () => {
    const nameOf = (more: object) => requestOf({ ...input, ...more }, nobody).dataset.name;
    expect(nameOf({})).toMatch(/^mirror-in-[0-9a-f]{8}$/);
    expect(nameOf({ max_workers: 1 })).toBe(nameOf({}));
    expect(nameOf({ prefix: 'csv/other/' })).not.toBe(nameOf({}));
    expect(nameOf({ input_bucket: 'a.very-long.bucket-name.'.repeat(3) })).toHaveLength(59);
  });

  it('reads csv/ alone where input and output are one bucket, and refuses what would start itself', () => {
    const same = { input_bucket: 'one', output_bucket: 'one' };
    expect(requestOf(same, nobody).dataset.source.prefix).toBe('csv/');
    expect(() => toRequest({ ...same, prefix: 'parquet/' }, nobody)).toThrow(OutputInsideSource);
  });

  it('in the environment makes a load of an upload that no data set takes', () => {
    const around = context([dataset('weather', { source: { prefix: 'weather/none/' } })], {
      input_bucket: 'landing',
      output_bucket: 'landing',
      prefix: 'weather/',
      cache_size: '7',
    });
    const request = requestOf(event('s3-notification'), around);
    expect(request.dataset.target.layout).toBe('mirror');
    expect(request.dataset.cacheEntries).toBe(7);
    expect(request.objects?.map(({ key }) => key)).toEqual(['weather/2024/São Paulo+1.csv']);
    // What it writes itself is in the same bucket, and comes as an event too.
    expect(toRequest([{ bucket: 'landing', key: 'parquet/2024/x.parquet' }], around)).toEqual({
      nothing: true,
      notices: ['ignored: of the parquet files: s3://landing/parquet/2024/x.parquet'],
    });
  });

  it('refuses numbers that are none', () => {
    expect(() => toRequest({ ...input, max_workers: 'many' }, nobody)).toThrow(
      'max_workers must be a number, not "many"',
    );
    expect(() => toRequest({ ...input, max_workers: 0 }, nobody)).toThrow(
      'concurrency.workers must be at least 1, not 0',
    );
  });
});
