import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { declaredColumns, modeOf } from '../../../shared/dataset/dataset.ts';
import { datasetNameFrom, inspectDatasetFile, loadDatasetFile, parseDataset } from '../../../shared/dataset/parse.ts';
import { BadDataset } from '../../../shared/errors.ts';
import { PLACES } from './contexts.ts';

const problemsOf = (text: string) => inspectDatasetFile(text, 'datasets/x.yml').problems.map((problem) => problem.text);
const TARGET = 'target: {database: d, table: t}\n';

describe('a data set file', () => {
  it('has every default filled in', () => {
    expect(loadDatasetFile('target: {database: d}', 'datasets/daily-sales.yml')).toEqual({
      name: 'daily-sales',
      source: {
        prefix: '',
        pick: 'all',
        orderBy: 'lastModified',
        timezone: 'UTC',
        onNothing: 'skip',
        hoursBack: 0,
        format: 'auto',
        access: {},
        csv: {},
        glm: {},
      },
      target: {
        database: 'd',
        table: 'daily_sales',
        partitionBy: [],
        sortBy: [],
        formats: ['parquet'],
        compression: { parquet: 'zstd', avro: 'deflate', csv: 'gzip' },
        avroTimestamps: 'auto',
        fileSizeBytes: 134_217_728,
        rowGroupRows: 122_880,
        layout: 'table',
        readers: 'catalog',
        onReupload: 'append',
      },
      start: { sweep: 'rate(1 hour)', schedules: [] },
      evolution: 'add',
      widening: 'fail',
      rejects: { rows: 0, share: 0 },
      failures: { share: 1 },
      quarantine: 'copy',
      concurrency: { workers: 20, singleFlight: false },
      cacheEntries: 128,
    });
  });

  it('is named in it, or by the file', () => {
    expect(loadDatasetFile(`name: a\n${TARGET}`, 'x/b.yml').name).toBe('a');
    expect(loadDatasetFile(TARGET, 'x/b.yaml').name).toBe('b');
    expect(() => loadDatasetFile(TARGET, 'x/B c.yml')).toThrow(
      'the name "B c" must be lower-case letters, digits, - and _ at x/B c.yml:1:1; say name: … in the file, or rename the file',
    );
  });

  it('tells every problem with its place, its key and what may have been meant', () => {
    const text = `# Daily sales
source:
  prefix: in/{yyy}/
  pik: latest
  timezone: Mars/Base
  csv: {decimalComma: yes, delimiter: ","}
schema:
  - a
  - b: bignt
target:
  database: db
  table: T
  partitonBy: [day(ts)]
  formats: [parquet, orc]
  fileSizeBytes: 10
partitionBy: [x]
rejects: {share: 2}
`;
    expect(problemsOf(text)).toEqual([
      '"{yyy}" in "in/{yyy}/" is no date token; known are {yyyy} {MM} {dd} {ooo} {HH} {mm}, together as in {yyyyMMdd} or {yyyy-MM-dd}, and {data_ref} at datasets/x.yml:3:11 (source.prefix)',
      'unknown key "pik" at datasets/x.yml:4:3 (source.pik); did you mean "pick"?',
      'source.timezone "Mars/Base" is no time zone; names are IANA\'s, such as America/Sao_Paulo at datasets/x.yml:5:13',
      'source.csv.decimalComma must be true or false, not "yes" at datasets/x.yml:6:23',
      'schema[1].b must be a type: boolean, int, bigint, float, double, decimal(p,s), date, timestamp, string or binary, not "bignt" at datasets/x.yml:9:8',
      'target.table must be lower-case letters, digits and _, at most 250, not "T" at datasets/x.yml:12:10',
      'unknown key "partitonBy" at datasets/x.yml:13:3 (target.partitonBy); did you mean "partitionBy"?',
      'target.formats[1] must be one of "parquet", "avro", "csv", not "orc" at datasets/x.yml:14:22',
      'target.fileSizeBytes must be at least 1024, not 10 at datasets/x.yml:15:18',
      'unknown key "partitionBy" at datasets/x.yml:16:1; did you mean "target.partitionBy"?',
      'rejects.share must be at most 1, not 2 at datasets/x.yml:17:18',
    ]);
    expect(() => loadDatasetFile(text, 'datasets/x.yml')).toThrow(BadDataset);
    expect(() => loadDatasetFile(text, 'datasets/x.yml')).toThrow(
      /^Cannot use the data set in datasets\/x.yml: 11 problems\n- "\{yyy\}"/,
    );
  });

  it('says one problem in one sentence, and where', () => {
    const load = () => loadDatasetFile('target: {database: d, tabel: x}', 'datasets/x.yml');
    expect(load).toThrow(
      expect.objectContaining({
        message:
          'Cannot use the data set in datasets/x.yml: unknown key "tabel" at datasets/x.yml:1:23 (target.tabel); did you mean "table"?',
        where: 'datasets/x.yml:1:23',
      }),
    );
  });

  it.each([
    ['', 'the definition is empty at datasets/x.yml:1:1'],
    ['# nothing\n', 'the definition is empty at datasets/x.yml:1:1'],
    ['- a', 'the definition must be a mapping of keys, not a list at datasets/x.yml:1:1'],
    ['source: {}', 'target is missing at datasets/x.yml:1:1'],
    ['target: {table: t}', 'target.database is missing at datasets/x.yml:1:1'],
    [
      'target: {database: sluice, table: loads}',
      'target.database "sluice" is Sluice\'s own; name another at datasets/x.yml:1:20',
    ],
    [
      'target: {database: information_schema, table: t}',
      'target.database "information_schema" is the query engines\' own; name another at datasets/x.yml:1:20',
    ],
    [`${TARGET}target: {}`, 'the key "target" is there twice at datasets/x.yml:2:1'],
    [`a: 1\n---\n${TARGET}`, 'a file has one data set, but here begins another document at datasets/x.yml:2:1'],
    [
      'target: &t {database: d, tabel: x}',
      'unknown key "tabel" at datasets/x.yml:1:26 (target.tabel); did you mean "table"?',
    ],
    ['target: *t', /^unresolved alias .* at datasets\/x.yml:1:1$/],
    ['target: !!binary x', 'unresolved tag: tag:yaml.org,2002:binary at datasets/x.yml:1:9'],
    [
      'target: {database: d, table: t, onReupload: replace, formats: [avro]}',
      /^target.onReupload: replace needs parquet among target.formats, .* at datasets\/x.yml:1:45$/,
    ],
    [
      `target: {database: d, table: t, formats: [csv]}\nwidening: rewrite`,
      /^widening: rewrite needs parquet among target.formats, .* at datasets\/x.yml:2:11$/,
    ],
    [
      `${TARGET}evolution: rescue\nschema: [a, _Rescued]`,
      'schema has the column "_Rescued", but the table\'s own _rescued is Sluice\'s at datasets/x.yml:3:9',
    ],
    [`${TARGET}source:\n`, 'source must be a mapping of keys, not nothing at datasets/x.yml:2:8'],
    [`${TARGET}schema: {}`, 'schema must name a column at least at datasets/x.yml:2:9'],
    [`${TARGET}schema: 3`, 'schema must be a list of column names, or of name: type at datasets/x.yml:2:9'],
    [`${TARGET}schema: {n: "decimal(39,2)"}`, /^schema.n must be a type: .*, not "decimal\(39,2\)" at/],
    [`${TARGET}schema: [a, b, a]`, 'schema has the column "a" twice at datasets/x.yml:2:9'],
    [
      `${TARGET}schema: {__proto__: string}`,
      'schema cannot give the column "__proto__" a type; list it by its name alone at datasets/x.yml:2:9',
    ],
    [`${TARGET}__proto__: {}`, 'unknown key "__proto__" at datasets/x.yml:2:1'],
    [`${TARGET}constructor: {}`, 'unknown key "constructor" at datasets/x.yml:2:1'],
    [`${TARGET}source: {glob: "[a"}`, /^source.glob "\[a" is no pattern: .* at datasets\/x.yml:2:16$/],
    [
      `${TARGET}source: {glob: "/a"}`,
      'source.glob is relative to the prefix, but "/a" begins with a slash at datasets/x.yml:2:16',
    ],
    [`${TARGET}source: {contains: "{x}"}`, /^"\{x\}" in "\{x\}" is no date token; .*\(source.contains\)$/],
    [
      `${TARGET}source: {bucket: "s3://b"}`,
      'source.bucket must be a bucket\'s name, without s3://, not "s3://b" at datasets/x.yml:2:18',
    ],
    [
      `${TARGET}source: {access: {unsigned: true, roleArn: "arn:aws:iam::111122223333:role/r"}}`,
      'source.access cannot be unsigned and have a role at datasets/x.yml:2:44 (source.access.roleArn)',
    ],
    [
      `${TARGET}source: {access: {unsigned: true, requesterPays: true}}`,
      'source.access cannot be unsigned and have the reader pay at datasets/x.yml:2:50 (source.access.requesterPays)',
    ],
    [
      `${TARGET}source: {access: {roleArn: r}}`,
      'source.access.roleArn must be the ARN of a role, not "r" at datasets/x.yml:2:28',
    ],
    [
      `${TARGET}source: {csv: {delimiter: ",", decimalComma: true}}`,
      'source.csv.decimalComma cannot go with the delimiter , at datasets/x.yml:2:46',
    ],
    [
      `${TARGET}source: {csv: {delimiter: "'", quote: "'"}}`,
      "source.csv.quote cannot be the delimiter ' at datasets/x.yml:2:39",
    ],
    [
      `${TARGET}source: {csv: {thousands: "."}}`,
      'source.csv.thousands cannot be the decimal sign . at datasets/x.yml:2:27',
    ],
    [
      `${TARGET}source: {csv: {dateFormat: yyyy-MM-dd}}`,
      'source.csv.dateFormat "yyyy-MM-dd" has no field such as %Y; forms are strptime\'s at datasets/x.yml:2:28',
    ],
    [`${TARGET}source: {csv: {timezone: Mars}}`, /^source.csv.timezone "Mars" is no time zone/],
    ['target: {database: d, table: t, path: a//b}', /^target.path must be folders .*, not "a\/\/b" at/],
    ['target: {database: d, table: t, path: a/../b}', /^target.path must be folders/],
    ['target: {database: d, table: t, path: "{yyyy}"}', /^target.path must be folders/],
    ['target: {database: d, table: t, path: /a}', /^target.path must be folders/],
    [
      'target: {database: d, table: t, formats: [csv, csv]}',
      'target.formats has "csv" twice at datasets/x.yml:1:48 (target.formats[1])',
    ],
    [
      'target: {database: d, table: t, formats: []}',
      'target.formats must have at least 1 item, not an empty list at datasets/x.yml:1:42',
    ],
    [
      'target: {database: d, table: t, mirrorFrom: a/}',
      'target.mirrorFrom is for layout: mirror at datasets/x.yml:1:45',
    ],
    [
      'target: {layout: mirror, partitionBy: [a]}',
      'target.partitionBy does not go with layout: mirror at datasets/x.yml:1:39',
    ],
    [
      'target: {layout: mirror, mode: append}',
      'target.mode does not go with layout: mirror, where each output is replaced at datasets/x.yml:1:32',
    ],
    [
      'target: {database: d, table: t, partitionBy: [week(ts)]}',
      'partitionBy "week(ts)" calls week(); known are year(), month(), day(), hour() at datasets/x.yml:1:47 (target.partitionBy[0])',
    ],
  ])('refuses %j', (text, message) => {
    const problems = problemsOf(text);
    expect(problems).toHaveLength(1);
    if (typeof message === 'string') expect(problems[0]).toBe(message);
    else expect(problems[0]).toMatch(message);
  });

  it('holds partitionBy and sortBy against a declared schema', () => {
    const schema = 'schema: [Flight Date: date, ts, n: double]\n';
    const target = (more: string) => `target: {database: d, table: t, ${more}}\n${schema}`;
    expect(problemsOf(target('partitionBy: [year(Flight Date), hour(ts), data_ref], sortBy: [flight_date]'))).toEqual(
      [],
    );
    expect(problemsOf(target('partitionBy: [flightdate, day(n)], sortBy: [m]'))).toEqual([
      'partitionBy "flightdate" is no column of the table: it has flight_date, ts, n; constants are data_ref at datasets/x.yml:1:47 (target.partitionBy[0]); did you mean "flight_date"?',
      'partitionBy "day(n)": day() takes a date or timestamp, but column "n" is double at datasets/x.yml:1:59 (target.partitionBy[1])',
      'sortBy "m" is no column of the table: it has flight_date, ts, n at datasets/x.yml:1:77 (target.sortBy[0])',
    ]);
    expect(problemsOf(target('partitionBy: [day(ts), day(Flight Date)]'))).toEqual([
      'partitionBy "day(Flight Date)" makes a second column "day"; rename it: other=day(Flight Date) at datasets/x.yml:1:46 (target.partitionBy)',
    ]);
  });

  it('tells outputs inside the source where the buckets are known', () => {
    const text = 'source:\n  prefix: db/\n  bucket: lake\ntarget: {database: db, table: t}\n';
    expect(problemsOf(text)).toEqual([]);
    const { dataset, problems } = inspectDatasetFile(text, 'datasets/x.yml', PLACES);
    expect(dataset).toBeUndefined();
    expect(problems).toEqual([
      {
        text: expect.stringMatching(
          /^Cannot load data set x: its source s3:\/\/lake\/db\/ and the table db\.t at .* \(source\.prefix\)$/,
        ),
        path: ['source', 'prefix'],
        line: 2,
        column: 11,
      },
    ]);
  });

  it('follows aliases to what they stand for', () => {
    expect(problemsOf('x: &a {database: d, table: t}\ntarget: *a')).toEqual(['unknown key "x" at datasets/x.yml:1:1']);
  });
});

describe('any text', () => {
  it('is a data set or a list of problems, each with a place, and never a crash', () => {
    const word = fc.constantFrom(
      ...[
        'target',
        'source',
        'schema',
        'database',
        'prefix',
        'csv',
        'partitionBy',
        'formats',
        'name',
        '__proto__',
        'd',
      ],
      ...[
        ': ',
        '\n',
        '\n  ',
        '- ',
        '{',
        '}',
        '[',
        ']',
        ', ',
        '&a ',
        '*a',
        '"',
        '1',
        'null',
        '!!binary x',
        '? ',
        '|\n',
        '{yyyy}',
      ],
    );
    const text = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.array(word, { maxLength: 30 }).map((words) => words.join('')),
    );
    fc.assert(
      fc.property(text, (written) => {
        const { dataset, problems } = inspectDatasetFile(written, 'x.yml', PLACES);
        expect(dataset === undefined).toBe(problems.length > 0);
        for (const problem of problems) expect(problem.text).toMatch(/ at x\.yml:\d+:\d+/);
      }),
      { numRuns: 2000 },
    );
  });

  it('may be a definition of any JSON, which is never more than refused', () => {
    const keys = fc.constantFrom('target', 'source', 'schema', 'database', 'table', 'csv', 'rejects', '__proto__', 'a');
    const value = fc.letrec<{ any: unknown }>((tie) => ({
      any: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom<unknown>(null, true, 3, -1.5, '', 'db', 'x y', 'int', 'day(a)'),
        fc.array(tie('any'), { maxLength: 3 }),
        fc.dictionary(keys, tie('any'), { maxKeys: 4 }),
      ),
    })).any;
    fc.assert(
      fc.property(value, (definition) => {
        try {
          const parsed = parseDataset(definition, 'the test');
          expect(parseDataset(parsed, 'the test')).toEqual(parsed);
        } catch (error) {
          expect((error as Error).name).toBe('BadDataset');
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('an inline definition', () => {
  it('is named by its table', () => {
    expect(parseDataset({ target: { database: 'db', table: 't' } }, 'the input').name).toBe('db-t');
    const mirror = parseDataset({ name: 'm-1', target: { layout: 'mirror' } }, 'the input');
    expect(mirror.target).toMatchObject({ database: 'mirror', table: 'm_1' });
  });

  it('says where it is', () => {
    const parse = () => parseDataset({ target: { database: 'd', table: 't' }, rejects: { row: 1 } }, 'the input');
    expect(parse).toThrow(
      new BadDataset(
        'Cannot use the data set in the input: unknown key "row" in the input (rejects.row); did you mean "rows"?',
      ),
    );
  });

  it('does not reach into the prototype', () => {
    const value: unknown = JSON.parse(
      '{"__proto__": {"evolution": "fail"}, "target": {"database": "d", "table": "t"}}',
    );
    expect(() => parseDataset(value, 'the input')).toThrow('unknown key "__proto__" in the input');
  });

  it('comes out the same when what came out goes in', () => {
    const first = parseDataset({ schema: [{ a: 'int' }, 'b'], target: { database: 'd', table: 't' } }, 'the test');
    expect(parseDataset(first, 'the test')).toEqual(first);
    expect(parseDataset(JSON.parse(JSON.stringify(first)), 'the test')).toEqual(first);
  });
});

describe('datasetNameFrom', () => {
  it('makes a legal name that tells long ones apart', () => {
    expect(datasetNameFrom('db.My Table')).toBe('db-my-table');
    const [one, two] = [datasetNameFrom(`${'a'.repeat(70)}1`), datasetNameFrom(`${'a'.repeat(70)}2`)];
    expect(one).toHaveLength(63);
    expect(one).not.toBe(two);
  });
});

describe('modeOf and declaredColumns', () => {
  const parse = (definition: object) =>
    parseDataset({ target: { database: 'd', table: 't' }, ...definition }, 'the test');

  it('replaces partitions where there are some', () => {
    expect(modeOf(parse({}))).toBe('append');
    expect(modeOf(parse({ target: { database: 'd', table: 't', partitionBy: ['a'] } }))).toBe('overwrite-partitions');
    expect(modeOf(parse({ target: { database: 'd', table: 't', partitionBy: ['a'], mode: 'append' } }))).toBe('append');
  });

  it('reads every form of schema', () => {
    expect(declaredColumns(parse({}))).toBeUndefined();
    expect(declaredColumns(parse({ schema: ['a', { b: 'int', c: 'date' }] }))).toEqual([
      { name: 'a', type: undefined },
      { name: 'b', type: 'int' },
      { name: 'c', type: 'date' },
    ]);
    expect(declaredColumns(parse({ schema: { b: 'int' } }))).toEqual([{ name: 'b', type: 'int' }]);
  });
});
