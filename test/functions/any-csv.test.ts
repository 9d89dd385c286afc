import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { seededRandom } from '../../bench/kit/random.ts';
import { fetchInput } from '../../functions/convert/fetch-input.ts';
import { describeObject } from '../../functions/read/describe-object.ts';
import { parseDataset } from '../../shared/dataset/parse.ts';
import type { ConvertInput } from '../../shared/domain/load.ts';
import type { Column } from '../../shared/domain/schema.ts';
import { planTasks } from '../../shared/domain/splits.ts';
import { schemaOf } from '../../shared/domain/table-schema.ts';
import type { FileColumn, InputAccount, RejectedRow } from '../../shared/engine/table-engine.ts';
import { isObjectFault } from '../../shared/errors.ts';
import { memoryObjectStore } from '../doubles/memory-object-store.ts';
import { rejectsOf, Workbench, writingOf } from '../shared/engine/jobs.ts';

let bench: Workbench;
beforeAll(() => {
  bench = new Workbench();
});
afterAll(() => bench.close());

const DATASET = parseDataset({ name: 'fuzz', target: { database: 'd', table: 't' } }, 'the test');
const RUNS = Number(process.env['RUNS'] ?? 0);

interface Loaded {
  columns: Column[];
  rows: unknown[][];
  account: InputAccount;
  rejects: RejectedRow[];
  encoding: string;
}

/** What a load makes of these bytes, with no options given; the error's name where it says that it cannot. */
async function load(bytes: Buffer): Promise<Loaded | string> {
  const objects = memoryObjectStore(['landing']);
  const address = { bucket: 'landing', key: 'x.csv' };
  await objects.put(address, bytes);
  const { etag } = (await objects.head(address))!;
  const source = { ...address, id: 'x', etag, sizeBytes: bytes.length, lastModified: '2026-01-01T00:00:00Z' };
  try {
    const engine = async () => bench.engine;
    const parts = await describeObject({ store: objects, engine, scratch: bench.path('read') }, source, DATASET);
    const [part] = parts;
    const { columns, names, formats } = schemaOf(parts, DATASET);
    const fileColumns = part!.columns.map(({ original }, c): FileColumn => {
      const target = names[0]![c]!;
      const format = formats.get(target);
      return { original, target, ...(format === undefined ? {} : { format }) };
    });
    const files = [{ source, part: part!, table: 0, columns: fileColumns }];
    const [task] = planTasks(files, Number.MAX_SAFE_INTEGER, (i) => `${i}`);
    const { local } = await fetchInput(objects, task!.inputs[0] as ConvertInput, bench.path('in'));
    const outcome = await bench.engine.convert({
      ...{ inputs: [local!], columns, writing: writingOf(columns), target: { kind: 'final' } },
      ...{ tolerance: undefined, timezone: 'UTC', scratch: bench.path('scratch') },
    });
    const account = outcome.accounts[0]!;
    if (account.failed) return account.failed.name;
    const rows = outcome.files.length === 0 ? [] : await bench.read(outcome.files.map(({ path }) => path));
    return { columns, rows, account, rejects: rejectsOf(outcome), encoding: part!.dialect!.encoding };
  } catch (error) {
    if (!isObjectFault(error)) throw error;
    return (error as Error).name;
  }
}

/** What holds of every load, whatever the bytes. */
function accountsHold({ rows, account, rejects, encoding }: Loaded, bytes: Buffer): void {
  expect(account.rowsWritten + account.rowsRejected).toBe(account.rowsRead);
  expect(rows).toHaveLength(account.rowsWritten);
  expect(rejects).toHaveLength(account.rowsRejected);
  if (encoding !== 'utf-8') return;
  for (const { byteOffset, raw } of rejects) {
    if (byteOffset !== null) expect(bytes.subarray(byteOffset).toString().startsWith(raw!)).toBe(true);
  }
}

const VEGA = join(import.meta.dirname, '..', '..', 'node_modules', 'vega-datasets', 'data');

describe('real CSVs, mutated', () => {
  /** Cuts, doubled pieces, strange bytes, and what parts fields and lines put where it does not belong. */
  function mutated(bytes: Buffer, seed: number): Buffer {
    const random = seededRandom(seed * 7919 + 1);
    const upTo = (n: number) => Math.floor(random() * n);
    const pieces = [
      '"',
      "'",
      ',',
      ';',
      '\t',
      '\n',
      '\r',
      '\r\n',
      '\n\n',
      '\\',
      '""',
      '\0',
      '\ufeff',
      'é',
      '#',
      '"\n',
      ',"',
    ];
    let text = Buffer.from(bytes.subarray(0, 200 + upTo(6_000)));
    for (let times = 1 + upTo(6); times > 0; times--) {
      const at = upTo(text.length);
      const [head, tail] = [text.subarray(0, at), text.subarray(at)];
      const kind = upTo(6);
      if (kind < 3) text = Buffer.concat([head, Buffer.from(pieces[upTo(pieces.length)]!), tail]);
      else if (kind === 3) text = Buffer.concat([head, tail.subarray(upTo(20))]);
      else if (kind === 4) text = Buffer.concat([head, Buffer.of(upTo(256)), tail]);
      else text = Buffer.concat([head, text.subarray(upTo(text.length)).subarray(0, 300), tail]);
    }
    return text;
  }

  it('account for every row, and nothing crashes', async () => {
    const files = readdirSync(VEGA).filter((name) => /\.[ct]sv$/.test(name));
    const runs = RUNS || files.length;
    let loaded = 0;
    for (let seed = 0; seed < runs; seed++) {
      const bytes = mutated(readFileSync(join(VEGA, files[seed % files.length]!)), seed);
      const outcome = await load(bytes).catch((cause) => {
        throw new Error(`${files[seed % files.length]} with seed ${seed}`, { cause });
      });
      if (typeof outcome === 'string') continue;
      loaded++;
      accountsHold(outcome, bytes);
    }
    expect(loaded).toBeGreaterThan(runs / 2);
  }, 600_000);
});

describe('a table whose values say their columns', () => {
  /** One fault of a row at most: what it does to the row's fields, or to its text. */
  const FAULTS: Record<string, (fields: string[], at: number, delimiter: string) => string> = {
    short: (fields, _, delimiter) => fields.slice(0, -1).join(delimiter),
    missing: (fields, at, delimiter) => fields.filter((_, i) => i !== at).join(delimiter),
    long: (fields, at, delimiter) => fields.toSpliced(at, 0, 'extra').join(delimiter),
    opened: (fields, at, delimiter) => fields.with(at, `"${fields[at]}`).join(delimiter),
    closed: (fields, at, delimiter) => fields.with(at, `${fields[at]}"`).join(delimiter),
    inside: (fields, at, delimiter) => fields.with(at, `x"${fields[at]}`).join(delimiter),
    behind: (fields, at, delimiter) => fields.with(at, `"${fields[at]}"x`).join(delimiter),
    quoted: (fields, at, delimiter) => fields.with(at, `"${fields[at]}${delimiter} and\nmore"`).join(delimiter),
    cut: (fields, at, delimiter) => fields.slice(0, at).join(delimiter),
    blank: () => '',
    note: () => '# a note',
    empty: (fields, at, delimiter) => fields.with(at, '').join(delimiter),
  };

  const QUOTING = new Set(['opened', 'closed', 'inside', 'behind', 'quoted']);

  it('has each of them in its column or in a rejected row, whatever else is wrong', async () => {
    const plan = fc.record({
      columns: fc.integer({ min: 2, max: 6 }),
      delimiter: fc.constantFrom(',', ';', '\t', '|'),
      lineEnd: fc.constantFrom('\n', '\r\n'),
      mixed: fc.boolean(),
      header: fc.boolean(),
      title: fc.constantFrom('', 'A title', 'Report 2024, by us'),
      footer: fc.constantFrom('', 'Total', 'Source: somebody'),
      faults: fc.array(
        fc.record({
          row: fc.integer({ min: 0, max: 59 }),
          fault: fc.constantFrom(...Object.keys(FAULTS)),
          at: fc.integer({ min: 0, max: 5 }),
        }),
        { maxLength: 8 },
      ),
    });
    await fc.assert(
      fc.asyncProperty(plan, async ({ columns, delimiter, lineEnd, mixed, header, title, footer, faults }) => {
        const byRow = new Map(faults.map((each) => [each.row, each]));
        const lines = Array.from({ length: 60 }, (_, r) => {
          const fields = Array.from({ length: columns }, (_, c) => `v${c}r${r}`);
          const found = byRow.get(r);
          return found ? FAULTS[found.fault]!(fields, found.at % columns, delimiter) : fields.join(delimiter);
        });
        if (header) lines.unshift(Array.from({ length: columns }, (_, c) => `name${c}`).join(delimiter));
        if (title !== '') lines.unshift(title);
        if (footer !== '') lines.push(footer);
        const text = lines.map((line, i) => line + (mixed && i % 7 === 3 ? '\r\n' : lineEnd)).join('');
        const outcome = await load(Buffer.from(text));
        if (typeof outcome === 'string') throw new Error(`${outcome}:\n${text}`);
        accountsHold(outcome, Buffer.from(text));
        const shifted: string[] = [];
        for (const row of outcome.rows) {
          row.forEach((value, c) => {
            const said = /^v(\d+)r\d+$/.exec(String(value));
            const name = /^name(\d+)$/.exec(outcome.columns[c]!.original);
            const place = name ? Number(name[1]) : c;
            if (said && Number(said[1]) !== place)
              shifted.push(`${value} in column ${c} (${outcome.columns[c]!.name})`);
          });
        }
        expect([text, shifted]).toEqual([text, []]);
        // From a quote that opens up to the next one all may be one text, as it would be if it was meant.
        const quoting = [...byRow.values()].filter(({ fault }) => QUOTING.has(fault)).sort((a, b) => a.row - b.row);
        const inTexts = quoting.reduce(
          (sum, { row, fault }, i) => sum + (fault === 'opened' ? (quoting[i + 1]?.row ?? row) - row : 0),
          0,
        );
        expect(outcome.rows.length).toBeGreaterThanOrEqual(60 - 3 * byRow.size - 2 - inTexts);
      }),
      { numRuns: RUNS || 20 },
    );
  }, 600_000);
});
