import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { BadDataset, BadRequest, OutputInsideSource, UnknownDataset } from '../../../shared/errors.ts';
import { context, dataset, event, groupByDataset, requestOf, toRequest } from './contexts.ts';

const weather = dataset('weather', {
  source: { prefix: 'weather/', glob: '**/*.csv', timezone: 'America/Sao_Paulo' },
  target: { database: 'db', table: 'weather', partitionBy: ['data_ref'] },
});
const sales = dataset('sales', { source: { prefix: 'sales/{yyyy}/{MM}/' } });
const known = context([weather, sales]);
const created = (key: string, more = {}) => ({ bucket: 'landing', key, ...more });

describe('an event', () => {
  it('asks for its objects of the data set whose source they are', () => {
    const request = requestOf(event('s3-notification'), known);
    expect(request).toEqual({
      dataset: weather,
      asDefined: true,
      trigger: 'event',
      objects: [
        {
          bucket: 'landing',
          key: 'weather/2024/São Paulo+1.csv',
          etag: 'd41d8cd98f00b204e9800998ecf8427e',
          versionId: '096fKKXTRTtl3on89fVO.nfljtsv6qko',
          sequencer: '0055AED6DCD90281E5',
        },
      ],
      referenceTime: '2024-01-05T03:04:05.678Z',
      constants: { data_ref: '20240104' },
      force: false,
      notices: [],
    });
    expect(Object.isFrozen(request.objects?.[0])).toBe(true);
    expect(Object.isFrozen(request.dataset.source)).toBe(true);
  });

  it('brings each key once, as it is newest, and nothing of what brings no object', () => {
    const request = requestOf(event('s3-notification-several'), known);
    expect(request.objects?.map(({ key, versionId }) => [key, versionId])).toEqual([
      ['weather/2024/a.csv', 'v2'],
      ['weather/2024/b.csv', '096fKKXTRTtl3on89fVO.nfljtsv6qko'],
    ]);
    expect(request.referenceTime).toBe('2024-01-06T00:00:00.000Z');
    expect(request.notices).toEqual([
      'ignored: ObjectRemoved:Delete brings no object: s3://landing/weather/2024/old.csv',
      'ignored: an empty folder: s3://landing/weather/2024/',
    ]);
  });

  it('keeps every version of a key where nothing tells which is newer', () => {
    const versions = ['1', '2', '1'].map((etag) => created('weather/a.csv', { etag }));
    expect(requestOf(versions, known).objects?.map(({ etag }) => etag)).toEqual(['1', '2']);
  });

  it.each(['s3-test-event', 'eventbridge-object-deleted'])('%s asks for nothing', (name) => {
    expect(toRequest(event(name), known)).toEqual({ nothing: true, notices: [expect.stringMatching(/^ignored: /)] });
  });

  it('that is an empty list asks for nothing', () => {
    expect(toRequest([], known)).toEqual({ nothing: true, notices: [] });
  });

  it.each(['sqs-s3-notification', 'sqs-eventbridge', 'pipe-sqs', 'pipe-objects', 'sns-s3-notification'])(
    'is read out of %s',
    (name) => {
      const request = requestOf(event(name), known);
      expect([request.dataset.name, request.trigger]).toEqual(['weather', 'event']);
    },
  );

  it('that tells no time is of the time of the execution', () => {
    const request = requestOf(event('pipe-objects'), known);
    expect([request.referenceTime, request.constants]).toEqual(['2024-03-01T02:00:00.000Z', { data_ref: '20240228' }]);
  });

  it('is of one data set, or of none that is known', () => {
    const both = [created('weather/a.csv'), created('sales/2023/07/b.csv'), created('weather/c.csv')];
    expect(() => toRequest(both, known)).toThrow(
      new BadRequest(
        "The input's objects belong to 2 data sets, sales (1 objects), weather (2 objects); start one execution for each",
      ),
    );
    const groups = groupByDataset(both, known).requests;
    expect(groups.map((request) => [request.dataset.name, request.objects?.length])).toEqual([
      ['sales', 1],
      ['weather', 2],
    ]);
    expect(() => toRequest([created('other/a.csv'), created('sales/2023/13/b.csv')], known)).toThrow(
      expect.objectContaining({
        name: 'BadRequest',
        message:
          'No data set takes s3://landing/other/a.csv and 1 more; there are sales: s3://landing/sales/{yyyy}/{MM}/, weather: s3://landing/weather/',
        where: 's3://landing/other/a.csv',
      }),
    );
  });

  it('loads what is some data set’s when other objects are of none', () => {
    const request = requestOf([created('weather/a.csv'), created('weather/a.txt')], known);
    expect(request.objects).toEqual([created('weather/a.csv')]);
    expect(request.notices).toEqual(['ignored: no data set takes it: s3://landing/weather/a.txt']);
  });

  it('goes to the prefix that says most about the key, and to nobody where two say equally much', () => {
    const root = dataset('root', { source: { prefix: '' } });
    const dated = dataset('dated', { source: { prefix: 'in/{yyyy}/' } });
    const plain = dataset('plain', { source: { prefix: 'in/' } });
    const exact = dataset('exact', { source: { prefix: 'in/2024/' } });
    const twin = dataset('twin', { source: { prefix: 'in/', glob: '*.txt' } });
    const all = context([root, dated, plain, exact, twin]);
    const nameOf = (key: string) => requestOf([created(key)], all).dataset.name;
    expect(['a', 'in/a.csv', 'in/2023/a', 'in/2024/a'].map(nameOf)).toEqual(['root', 'plain', 'dated', 'exact']);
    expect(() => nameOf('in/a.txt')).toThrow(
      new BadRequest('Both "plain" and "twin" take s3://landing/in/a.txt, and neither\'s prefix says more about it'),
    );
  });

  it('goes by substring and bucket too, dates in them standing for any', () => {
    const other = dataset('other', { source: { bucket: 'their-bucket', prefix: '', contains: '_{data_ref}_' } });
    const all = context([other]);
    expect(requestOf([{ bucket: 'their-bucket', key: 'x_20200101_.csv' }], all).dataset.name).toBe('other');
    expect(() => toRequest([{ bucket: 'their-bucket', key: 'x_2020_.csv' }], all)).toThrow('No data set takes');
    expect(() => toRequest([created('x_20200101_.csv')], all)).toThrow('No data set takes');
  });

  it('that a pipe sends for a data set leaves out what is not of it', () => {
    const items = ['weather/a.csv', 'weather/a.txt'].map((key) => created(key, { dataset: 'weather' }));
    const request = requestOf(items, known);
    expect(request.objects).toEqual([created('weather/a.csv')]);
    expect(request.notices).toEqual(['ignored: not of the data set "weather": s3://landing/weather/a.txt']);
    expect(() => toRequest([created('a', { dataset: 'wether' })], known)).toThrow(
      new UnknownDataset('No data set is named "wether"; there are sales, weather; did you mean "weather"?'),
    );
  });

  it('of what runs write starts nothing', () => {
    const written = [
      { bucket: 'work', key: 'runs/R/request.json' },
      { bucket: 'lake', key: 'db/weather/data_ref=1/x.parquet' },
    ];
    expect(toRequest(written, known)).toEqual({
      nothing: true,
      notices: [
        "ignored: of Sluice's own files: s3://work/runs/R/request.json",
        'ignored: of the table db.weather: s3://lake/db/weather/data_ref=1/x.parquet',
      ],
    });
    const reader = dataset('reader', { source: { bucket: 'lake', prefix: 'db/weather/' } });
    expect(requestOf([written[1]], context([weather, reader])).dataset.name).toBe('reader');
  });
});

describe('a request by name', () => {
  it('is the data set as it stands', () => {
    expect(requestOf({ dataset: 'weather' }, known)).toEqual({
      dataset: weather,
      asDefined: true,
      trigger: 'person',
      objects: undefined,
      referenceTime: '2024-03-01T02:00:00.000Z',
      // Yesterday in São Paulo, where it is still February.
      constants: { data_ref: '20240228' },
      force: false,
      notices: [],
    });
  });

  it('may override any field, deep or dotted, and take one away', () => {
    const request = requestOf(
      {
        dataset: 'weather',
        target: { mode: 'append' },
        'source.glob': null,
        'source.csv.delimiter': ';',
        schema: ['a'],
      },
      known,
    );
    expect(request.dataset).toEqual({
      ...weather,
      schema: ['a'],
      source: { ...weather.source, glob: undefined, csv: { delimiter: ';' } },
      target: { ...weather.target, mode: 'append' },
    });
    expect(weather.target.mode).toBeUndefined();
  });

  it('may use older names for fields', () => {
    const input = {
      dataset: 'sales',
      max_workers: '3',
      substr: '_{data_ref}_',
      partitions_cols: 'a, b',
      MAX_RECORDS: 10,
    };
    const { dataset: changed, notices } = requestOf(input, known);
    expect([changed.concurrency.workers, changed.source.contains, changed.target.partitionBy]).toEqual([
      3,
      '_{data_ref}_',
      ['a', 'b'],
    ]);
    expect(notices).toEqual(['MAX_RECORDS has no effect: there is no cap']);
  });

  it('that writes another table is another data set', () => {
    const request = requestOf({ dataset: 'weather', 'target.table': 'trial' }, known);
    expect([request.dataset.name, request.dataset.target.table]).toEqual(['weather-db-trial', 'trial']);
    expect(request.notices).toEqual(['writes db.trial as the data set "weather-db-trial", with a ledger of its own']);
    expect(() => toRequest({ dataset: 'weather', 'target.table': 'sales' }, known)).toThrow(
      new BadRequest('The table db.sales is that of the data set "sales"; a table belongs to one data set'),
    );
  });

  it('may name objects, a time, a day, and that they are loaded again', () => {
    const request = requestOf(
      { dataset: 'weather', objects: ['s3://b/a/b c.csv', { key: 'k', etag: 'e' }], date: '2024-01-05', force: true },
      known,
    );
    expect(request.objects).toEqual([
      { bucket: 'b', key: 'a/b c.csv' },
      { bucket: 'landing', key: 'k', etag: 'e' },
    ]);
    expect([request.force, request.referenceTime, request.constants]).toEqual([
      true,
      '2024-01-05T03:00:00.000Z',
      { data_ref: '20240104' },
    ]);
    const dated = requestOf({ dataset: 'sales', data_ref: 20240229, referenceTime: '2024-05-01T10:00:00Z' }, known);
    expect([dated.referenceTime, dated.constants['data_ref']]).toEqual(['2024-05-01T10:00:00.000Z', '20240229']);
    expect(requestOf({ dataset: 'sales', data_ref: '2024-02-29' }, known).constants['data_ref']).toBe('20240229');
  });

  it('may be a schedule’s', () => {
    expect(requestOf({ dataset: 'sales', trigger: 'schedule' }, known).trigger).toBe('schedule');
    expect(requestOf({ dataset: 'sales', trigger: 'sweep' }, known).trigger).toBe('sweep');
  });

  it('may ask for a compaction', () => {
    expect(requestOf({ dataset: 'sales', compact: true }, known).compact).toBe(true);
  });

  it('may come in a message', () => {
    expect(requestOf([{ messageId: '1', body: '{"dataset": "sales"}' }], known).dataset.name).toBe('sales');
  });

  it.each<[unknown, BadRequest | BadDataset | UnknownDataset]>([
    [
      { dataset: 'sale' },
      new UnknownDataset('No data set is named "sale"; there are sales, weather; did you mean "sales"?'),
    ],
    [{ dataset: 3 }, new BadRequest('dataset must be a name or a definition, not 3')],
    [
      { dataset: 'sales', pick: 'all' },
      new BadRequest('The input\'s key "pick" is unknown; did you mean "source.pick"?'),
    ],
    [{ dataset: 'sales', forse: true }, new BadRequest('The input\'s key "forse" is unknown; did you mean "force"?')],
    [{ dataset: 'sales', force: 'yes' }, new BadRequest('force must be true or false, not "yes"')],
    [
      { dataset: 'sales', trigger: 'event' },
      new BadRequest('trigger must be "schedule", "sweep" or "person", not "event"'),
    ],
    [{ dataset: 'sales', data_ref: '20240230' }, new BadRequest('data_ref must be a day as YYYYMMDD, not "20240230"')],
    [
      { dataset: 'sales', date: 'today' },
      new BadRequest('date must be a day such as 2024-01-05 or a time in ISO 8601, not "today"'),
    ],
    [
      { dataset: 'sales', date: '2024-01-05', referenceTime: '2024-01-05' },
      new BadRequest('The input has both date and referenceTime; say one'),
    ],
    [{ dataset: 'sales', objects: 's3://b/k' }, new BadRequest('objects must be a list, not "s3://b/k"')],
    [
      { dataset: 'sales', objects: [{ bucket: 'b' }] },
      new BadRequest('objects[0] must be {"bucket": …, "key": …} or "s3://…", not {"bucket":"b"}'),
    ],
    [
      { dataset: 'sales', name: 'x' },
      new BadRequest('The input cannot rename the data set "sales"; give a whole definition instead'),
    ],
    [
      { dataset: 'sales', 'target.mod': 'append' },
      new BadDataset(
        'Cannot use the data set in the input: unknown key "mod" in the input (target.mod); did you mean "mode"?',
      ),
    ],
    [
      { target: { database: 'd', table: 't' } },
      new BadRequest('The input names no data set; a whole definition goes under the key "dataset"'),
    ],
    [
      [{ messageId: '1', body: '{"dataset": "sales"}' }, created('weather/a.csv')],
      new BadRequest('The input mixes 1 requests with 1 objects of events; an execution takes either'),
    ],
  ])('refuses %j', (input, error) => {
    expect(() => toRequest(input, known)).toThrow(error);
    expect(() => toRequest(input, known)).toThrow(expect.objectContaining({ name: error.name }));
  });

  it('is refused where outputs would start it again', () => {
    expect(() => toRequest({ dataset: 'sales', 'source.bucket': 'lake', 'source.prefix': 'db/' }, known)).toThrow(
      OutputInsideSource,
    );
  });
});

describe('a definition in the input', () => {
  const definition = { source: { prefix: 'x/' }, target: { database: 'db', table: 'adhoc' } };

  it('is a data set of its own', () => {
    const request = requestOf({ dataset: definition, force: true, 'rejects.rows': 3 }, known);
    expect([request.dataset.name, request.dataset.rejects.rows, request.force]).toEqual(['db-adhoc', 3, true]);
  });

  it('takes neither the name nor the table of another', () => {
    expect(() => toRequest({ dataset: { ...definition, name: 'sales' } }, known)).toThrow(
      'The definition is named "sales" and writes db.adhoc, but the data set of that name writes db.sales; name it otherwise',
    );
    expect(() => toRequest({ dataset: { ...definition, target: sales.target, name: 'x' } }, known)).toThrow(
      'The table db.sales is that of the data set "sales"; a table belongs to one data set',
    );
  });
});

describe('a schedule without an input', () => {
  it('names no data set', () => {
    expect(() => toRequest(event('eventbridge-scheduled'), known)).toThrow(
      'The schedule names no data set; give its target the constant input {"dataset": "…", "trigger": "schedule"}',
    );
  });

  it('may have one in the environment, and is of the time it was due', () => {
    const around = context([], { bucket_src: 'src', table: 't', database: 'd' });
    const request = requestOf(event('eventbridge-scheduled'), around);
    expect([request.trigger, request.referenceTime, request.constants['data_ref']]).toEqual([
      'schedule',
      '2015-10-08T16:53:06.000Z',
      '20151007',
    ]);
  });
});

describe('any input', () => {
  it('is a request, nothing to do, or an error that has a name', () => {
    const keys = fc.constantFrom(
      ...[
        'dataset',
        'Records',
        's3',
        'bucket',
        'object',
        'key',
        'name',
        'body',
        'messageId',
        'detail-type',
        'source',
        'detail',
      ],
      ...[
        'Event',
        'Message',
        'Type',
        'eventName',
        'objects',
        'date',
        'data_ref',
        'schema',
        'target.mode',
        'input_bucket',
      ],
      ...['bucket_src', 'table', 'database', 'max_workers', 'force', '__proto__'],
    );
    const words = fc.constantFrom<unknown>(
      ...[
        'weather',
        'landing',
        'weather/a.csv',
        'ObjectCreated:Put',
        'Object Created',
        'aws.s3',
        'Scheduled Event',
        '',
      ],
      ...['{"dataset": "sales"}', '[]', '%', 'Notification', '20240101', null, true, 0, -1],
    );
    const value = fc.letrec<{ any: unknown }>((tie) => ({
      any: fc.oneof(
        { maxDepth: 5 },
        words,
        fc.array(tie('any'), { maxLength: 3 }),
        fc.dictionary(keys, tie('any'), { maxKeys: 5 }),
      ),
    })).any;
    fc.assert(
      fc.property(value, (input) => {
        try {
          groupByDataset(input, known);
        } catch (error) {
          expect(['BadRequest', 'BadDataset', 'UnknownDataset', 'OutputInsideSource']).toContain((error as Error).name);
        }
      }),
      { numRuns: 3000 },
    );
  });

  it('brings every object of its events once, in however many messages they come', () => {
    const key = fc.array(fc.constantFrom('a', 'b', ' ', '+', '%', 'é', '/', '=', '&', '😀'), {
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(fc.array(fc.array(key.map((parts) => `sales/2024/01/${parts.join('')}.csv`))), (batches) => {
        const encoded = (text: string) => encodeURIComponent(text).replaceAll('%20', '+').replaceAll('%2F', '/');
        const messages = batches.map((names, i) => ({
          messageId: String(i),
          body: JSON.stringify({
            Records: names.map((name) => ({
              eventName: 'ObjectCreated:Put',
              s3: { bucket: { name: 'landing' }, object: { key: encoded(name), size: 1 } },
            })),
          }),
        }));
        const { requests } = groupByDataset({ Records: messages }, known);
        const found = requests.flatMap((request) => request.objects?.map((object) => object.key) ?? []);
        expect(found.sort()).toEqual([...new Set(batches.flat())].sort());
      }),
    );
  });
});

describe('an input of no form', () => {
  it.each([{ hour: '2024-01-05' }, { hello: 'world' }])('%j is refused', (input) => {
    const [key] = Object.keys(input);
    expect(() => toRequest(input, known)).toThrow(
      `The input's key "${key}" is unknown; accepted are an event of S3 or EventBridge, {"dataset": "…"} with overrides, {"dataset": {…}}, `,
    );
  });

  it('says what would be one', () => {
    expect(() => toRequest({}, known)).toThrow(
      /^The input names no data set; accepted are an event of S3 .*\(bucket_src,/,
    );
  });
});
