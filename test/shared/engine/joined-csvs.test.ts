import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { checkHeader, readHead } from '../../../shared/engine/csv-head.ts';
import { fileOf } from '../../../shared/engine/reject-scan.ts';
import { Session } from '../../../shared/engine/session.ts';
import { SmallCsvs } from '../../../shared/engine/small-csvs.ts';
import type { ConvertOutcome, LocalFile, LocalInput } from '../../../shared/engine/table-engine.ts';
import { countRecords } from '../../../shared/formats/csv/count-records.ts';
import { SMALL_CSV_MAX_BYTES } from '../../../shared/limits.ts';
import { columnsOf, DIALECTS, rejectsOf, sorted, type Types, Workbench, writingOf } from './jobs.ts';

let bench: Workbench;
beforeAll(() => {
  bench = new Workbench();
});
afterEach(() => {
  jest.restoreAllMocks();
});
afterAll(() => bench.close());

const RUNS = Number(process.env['RUNS'] ?? 12);

const PIECES = ['1', '22', 'ab', '"', '""', ',', ',', '\n', '\n', '\r\n', '\r', ' ', '#', '\\', '"q"', '"q,\nr"', '\0'];
const anyText = fc.array(fc.constantFrom(...PIECES), { maxLength: 25 }).map((pieces) => pieces.join(''));
const tidyText = fc
  .array(fc.constantFrom('1,a', '2,"b\nc"', '3,', '4,"d""e"', ''), { maxLength: 6 })
  .chain((lines) => fc.constantFrom(lines.join('\n'), [...lines, ''].join('\n')));

const STRAY = { '\n': /\r/g, '\r': /\n/g, '\r\n': /\r(?!\n)/g, mixed: /$^/g };

const TYPES: Types = { a: 'int', b: 'string' };
const NAMELESS = Object.keys(TYPES).map((target) => ({ original: '', target }));

async function rowsOf({ files }: ConvertOutcome): Promise<unknown[][]> {
  const paths = files.filter(({ format }) => format === 'parquet').map(({ path }) => path);
  return paths.length === 0 ? [] : bench.read(paths);
}

/** The statements that read a job's CSVs. */
function spiedScans(): () => string[] {
  const run = jest.spyOn(Session.prototype, 'run');
  return () => run.mock.calls.map(([sql]) => sql).filter((sql) => sql.includes('read_csv('));
}

describe('small inputs of one job', () => {
  it('come out as each does by itself: accounts, rows and rejects', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(anyText, tidyText, tidyText), { minLength: 2, maxLength: 4 }),
        fc.constantFrom(...DIALECTS),
        async (texts, like) => {
          // What a line end of another kind is, the engine does not always say in the same way, also of one file.
          const clean = (text: string) => text.replaceAll(STRAY[like.lineEnd ?? '\n'], '');
          const inputs = texts.map((text) => bench.csv(clean(text), TYPES, { like, columns: NAMELESS }));
          const together = await bench.convert(inputs, TYPES);
          const rows: unknown[] = [];
          const rejects: unknown[] = [];
          for (const [index, input] of inputs.entries()) {
            const alone = await bench.convert([input], TYPES);
            expect(together.accounts[index]).toEqual({ ...alone.accounts[0], input: index });
            rows.push(...(await rowsOf(alone)));
            rejects.push(...rejectsOf(alone));
          }
          expect(sorted(await rowsOf(together))).toEqual(sorted(rows));
          expect(sorted(rejectsOf(together))).toEqual(sorted(rejects));
        },
      ),
      { numRuns: RUNS },
    );
  });

  it('are read from one file where none has a row to reject', async () => {
    const scans = spiedScans();
    const texts = ['a,b\n1,x\n2,"y\nz"\n', 'a,b\n3,no line end', 'a,b\n', '\ufeffa,b\n4,behind a mark\n'];
    const outcome = await bench.convert(
      texts.map((text) => bench.csv(text, TYPES)),
      TYPES,
    );
    expect(scans()).toEqual([expect.stringContaining('joined-0.csv')]);
    expect(await rowsOf(outcome)).toEqual([
      [1, 'x'],
      [2, 'y\nz'],
      [3, 'no line end'],
      [4, 'behind a mark'],
    ]);
    expect(outcome.accounts.map(({ rowsRead, rowsWritten, lines }) => [rowsRead, rowsWritten, lines])).toEqual([
      [2, 2, 4],
      [1, 1, 2],
      [0, 0, 1],
      [1, 1, 2],
    ]);
  });

  it('are parsed to their types at once as far as they are plain', async () => {
    const scans = spiedScans();
    const texts = ['a,b\n1,x\n', 'a,b\n+2,y\n', 'a,b\n3,z'];
    const inputs = texts.map((text) => bench.csv(text, TYPES));
    const outcome = await bench.convert(inputs, TYPES);
    expect(scans()).toHaveLength(1);
    const [plain, careful] = scans()[0]!.split('UNION ALL');
    expect(plain).toContain("'c0': 'INTEGER'");
    expect(plain).toContain('joined-0.csv');
    expect(careful).toContain("'c0': 'VARCHAR'");
    expect(careful).toContain('joined-1.csv');
    expect(sorted(await rowsOf(outcome))).toEqual(
      sorted([
        [1, 'x'],
        [2, 'y'],
        [3, 'z'],
      ]),
    );
    expect(outcome.accounts.map(({ rowsWritten }) => rowsWritten)).toEqual([1, 1, 1]);
  });

  it('are read one by one where a row is rejected, so that it is told of which it is', async () => {
    const scans = spiedScans();
    const told: LocalFile[] = [];
    const outcome = await bench.convert(
      ['a,b\n1,x\n', 'a,b\n2,y\nno,z\n', 'a,b\n3,w\n'].map((text) => bench.csv(text, TYPES)),
      TYPES,
      { onFile: (file) => told.push(file) },
    );
    expect(scans()[0]).toContain('joined-0.csv');
    expect(scans().length).toBeGreaterThan(1);
    // Nothing that came of the first reading is brought anywhere.
    expect(told).toEqual(outcome.files);
    expect(outcome.accounts.map(({ rowsWritten, rowsRejected }) => [rowsWritten, rowsRejected])).toEqual([
      [1, 0],
      [1, 1],
      [1, 0],
    ]);
    expect(rejectsOf(outcome)).toMatchObject([{ line: 3, byteOffset: 8, column: 'a', raw: 'no,z' }]);
  });

  it('fail alone where a header is another, and the others still come from one file', async () => {
    const scans = spiedScans();
    const outcome = await bench.convert(
      ['a,b\n1,x\n', 'a,c\n2,y\n', 'a,b\n3,z\n'].map((text) => bench.csv(text, TYPES)),
      TYPES,
    );
    expect(scans()).toHaveLength(1);
    expect(outcome.accounts.map(({ failed }) => failed?.name)).toEqual([undefined, 'SchemaMismatch', undefined]);
    expect(await rowsOf(outcome)).toEqual([
      [1, 'x'],
      [3, 'z'],
    ]);
  });

  it('stay apart where one ends in quotes, which would swallow what follows', async () => {
    const scans = spiedScans();
    await bench.convert(
      ['a,b\n1,"x\n', 'a,b\n2,"y\n'].map((text) => bench.csv(text, TYPES)),
      TYPES,
    );
    expect(scans().join()).not.toContain('joined-');
  });

  it('stay apart where one has line ends of another kind as well', async () => {
    const scans = spiedScans();
    await bench.convert(
      ['a,b\n1,x\n', 'a,b\n2,"y\r\nz"\n'].map((text) => bench.csv(text, TYPES)),
      TYPES,
    );
    expect(scans().join()).not.toContain('joined-');
  });

  it('stay apart where rows are to be known by their source', async () => {
    const scans = spiedScans();
    const columns = columnsOf({ ...TYPES, _source_id: 'string' });
    const inputs = ['a,b\n1,x\n', 'a,b\n2,y\n'].map((text) => bench.csv(text, TYPES));
    const outcome = await bench.convert(inputs, TYPES, {
      columns,
      writing: writingOf(columns, { sourceIds: true }),
    });
    expect(scans().join()).not.toContain('joined-');
    expect(outcome.files[0]!.rowsOf).toEqual({ [inputs[0]!.sourceId]: 1, [inputs[1]!.sourceId]: 1 });
  });
});

describe('a small CSV read whole', () => {
  const read = (small: SmallCsvs, input: LocalInput) => small.read(fileOf(input));

  it.each([
    ['', undefined],
    [', also where plain values are looked for', { columns: columnsOf(TYPES), timezone: 'UTC' }],
  ])('has the head and the count that reading it in a stream finds%s', async (_, readFor) => {
    let small = new SmallCsvs(readFor);
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(anyText, tidyText),
        fc.boolean(),
        fc.constantFrom(...DIALECTS),
        async (text, isMarked, like) => {
          const input = bench.csv(isMarked ? `\ufeff${text}` : text, TYPES, { like, columns: NAMELESS });
          const file = fileOf(input);
          const head = await readHead(file);
          if (head.header) checkHeader(file, head.header);
          const { records, bytes, lines } = await countRecords(input.path, head.dialect, { columns: 2 });
          // One that has met many that are not plain looks no more.
          if (small.read(fileOf(bench.csv('1,x\n', TYPES, { like, columns: NAMELESS })))?.isPlain === false)
            small = new SmallCsvs(readFor);
          const found = read(small, input)!;
          expect(found.head).toEqual(head);
          expect(found.count).toEqual({ rows: records, bytes, lines });
        },
      ),
      { numRuns: RUNS * 20 },
    );
  });

  it('is plain where all its values are, and is not looked through where most are not', () => {
    const types: Types = { a: 'int', b: 'string', c: 'decimal(5,2)' };
    const small = new SmallCsvs({ columns: columnsOf(types), timezone: 'UTC' });
    const isPlain = (text: string) => read(small, bench.csv(`a,b,c\n${text}`, types))!.isPlain;
    expect(isPlain('1,x,2.50\n,,\n\n3,"a\nb",4')).toBe(true);
    expect(isPlain('"1",x,"2.50"\n')).toBe(true);
    expect(isPlain('+1,x,2.50\n')).toBe(false);
    expect(isPlain('1,x,2.505\n')).toBe(false);
    // As many are plain as are not.
    expect(isPlain('2,y,')).toBe(true);
    for (let i = 0; i < 2; i++) expect(isPlain('1,x\n')).toBe(false);
    expect(isPlain('2,y,')).toBe(false);
  });

  it('has a head of its own where its line end goes on behind that of another', () => {
    const small = new SmallCsvs();
    const like = { lineEnd: 'mixed' as const };
    const rowsOfText = (text: string) => read(small, bench.csv(text, { a: 'string' }, { like }))!.count.rows;
    expect(['a\rx\n', 'a\r\nx\n', 'a\ry\n'].map(rowsOfText)).toEqual([1, 1, 1]);
  });

  it('is not one beyond a size', () => {
    const small = new SmallCsvs();
    const row = '1,x\n';
    const text = `a,b\n${row.repeat((SMALL_CSV_MAX_BYTES - 4) / row.length)}`;
    expect(read(small, bench.csv(text, TYPES))!.count.bytes).toBe(SMALL_CSV_MAX_BYTES);
    expect(read(small, bench.csv(`${text} `, TYPES))).toBeUndefined();
  });
});
