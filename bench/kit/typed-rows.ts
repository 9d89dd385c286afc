import { seededRandom } from './random.ts';

/** A column of each type that a CSV can have, how its values are written, and texts that are none of them. */
export interface TypedColumn {
  name: string;
  type: string;
  value: (row: number, random: () => number) => string;
  bad: readonly string[];
}

const two = (n: number) => String(n).padStart(2, '0');
const dateOf = (row: number) => {
  const day = row % 336;
  return { year: 2000 + (row % 24), month: 1 + Math.floor(day / 28), day: 1 + (day % 28) };
};
const isoDate = (row: number) => {
  const { year, month, day } = dateOf(row);
  return `${year}-${two(month)}-${two(day)}`;
};
const clock = (row: number) => `${two(row % 24)}:${two(row % 60)}:${two((row * 7) % 60)}`;
const WORDS = ['lamp', 'chair', 'Ümlaut', 'a, b', 'say ""so""', 'two words'];

export const TYPED_COLUMNS: readonly TypedColumn[] = [
  {
    name: 'id',
    type: 'bigint',
    value: (row) => String(row + 3_000_000_000),
    bad: ['1.5', '12a', '99999999999999999999'],
  },
  { name: 'small', type: 'int', value: (row) => String((row * 31) % 100_000), bad: ['4.2', '0x1F', '1_000'] },
  { name: 'price', type: 'decimal(12,2)', value: (_, r) => (r() * 10_000).toFixed(2), bad: ['1.005', '12,50', 'free'] },
  { name: 'rate', type: 'decimal(8,5)', value: (_, r) => (r() * 100).toFixed(5), bad: ['0.1234567', '--1', '1e400'] },
  { name: 'lat', type: 'double', value: (_, r) => String(r() * 180 - 90), bad: ['north', '1.2.3', '+-3'] },
  { name: 'heat', type: 'float', value: (_, r) => (r() * 40).toFixed(1), bad: ['hot', '1 2', '1e400'] },
  { name: 'ok', type: 'boolean', value: (row) => (row % 3 === 0 ? 'true' : 'false'), bad: ['maybe', 'tru', '2'] },
  { name: 'born', type: 'date', value: isoDate, bad: ['2023-02-30', '2023-13-01', '20230101x'] },
  {
    name: 'seen',
    type: 'timestamp',
    value: (row) => `${isoDate(row)}T${clock(row)}Z`,
    bad: ['2023-01-01T25:00:00Z', '2023-01-01T00:00:00.1234567Z', 'yesterday'],
  },
  {
    name: 'sent',
    type: 'timestamp',
    value: (row) => `${isoDate(row)}T${clock(row)}+02:00`,
    bad: ['2023-01-01T00:00:00+99:00', '2023-01-01T00:61:00+02:00', '10/11/2023'],
  },
  {
    name: 'due',
    type: 'timestamp',
    value: (row) => `${isoDate(row)} ${clock(row)}.${String((row * 13) % 1000).padStart(3, '0')}`,
    bad: ['2023-01-32 00:00:00.000', '2023-01-01 00:00:99.000', 'soon'],
  },
  { name: 'total', type: 'decimal(38,0)', value: (row) => `${row}000000000000000000`, bad: ['1.5', 'ten', '1e3x'] },
  { name: 'note', type: 'string', value: (row) => quoted(WORDS[row % WORDS.length]!), bad: [] },
];

function quoted(word: string): string {
  return /[",]/.test(word) ? `"${word}"` : word;
}

/** A value that does not fit, and where it is planted. */
export interface Planted {
  /** Index of the row, from 0. */
  row: number;
  column: string;
  value: string;
}

/** So many bad values spread over the rows, of the columns by turns, no two in one row; the first and the last row among them. */
export function plantedIn(rows: number, count: number, seed = 5): Planted[] {
  const random = seededRandom(seed);
  const chosen = new Set([0, rows - 1]);
  while (chosen.size < count) chosen.add(Math.floor(random() * rows));
  const typed = TYPED_COLUMNS.filter(({ bad }) => bad.length > 0);
  return [...chosen]
    .sort((a, b) => a - b)
    .map((row, i) => {
      const { name, bad } = typed[i % typed.length]!;
      return { row, column: name, value: bad[Math.floor(i / typed.length) % bad.length]! };
    });
}

/** The file's text piece by piece, header first, the same for the same arguments; `planted` values are written as they are. */
export function* typedCsv(rows: number, planted: readonly Planted[], seed = 7): Generator<string> {
  const random = seededRandom(seed);
  let text = `${TYPED_COLUMNS.map(({ name }) => name).join(',')}\n`;
  let next = 0;
  for (let row = 0; row < rows; row++) {
    const fields = TYPED_COLUMNS.map(({ value }) => value(row, random));
    if (planted[next]?.row === row) {
      const { column, value } = planted[next++]!;
      const at = TYPED_COLUMNS.findIndex(({ name }) => name === column);
      fields[at] = value.includes(',') ? `"${value}"` : value;
    }
    text += `${fields.join(',')}\n`;
    if (text.length > 1 << 20) {
      yield text;
      text = '';
    }
  }
  yield text;
}

/** The columns' types, as a data set's `schema` says them. */
export function typedSchema(): Record<string, string>[] {
  return TYPED_COLUMNS.map(({ name, type }) => ({ [name]: type }));
}
