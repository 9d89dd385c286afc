import type { Dataset } from '../../shared/dataset/dataset.ts';
import type { FoundPart } from '../../shared/domain/load.ts';
import type { RejectedRow, RowRules } from '../../shared/engine/table-engine.ts';
import { faultOfRow } from '../../shared/engine/tolerant-part.ts';
import type { ValueCheck } from '../../shared/engine/value-check.ts';
import { readTolerant, type TolerantRow } from '../../shared/formats/csv/tolerant-reader.ts';
import { surelyFits } from '../../shared/formats/csv/types-fit.ts';
import { PREVIEW_CHECKED_VALUES, REJECT_RAW_MAX_BYTES, REJECT_VALUE_MAX_CHARS } from '../../shared/limits.ts';

/** A row as it would be loaded: texts as in the file, null where it has no value. */
export type PreviewRow = (string | null)[];

export interface PreviewBatch {
  rows: PreviewRow[];
  rejects: RejectedRow[];
}

export interface PartReading {
  part: FoundPart;
  /** Bytes of the part's text, in order. */
  chunks: AsyncIterable<Uint8Array>;
  /** Names the file in rejects. */
  uri: string;
  dataset: Dataset;
  rules: RowRules;
  /** Opened only where a value is written so that it takes the engine to tell. */
  check: () => Promise<ValueCheck>;
}

/** The rows of a delimited text that a load would write, and those that it would reject; memory is bounded by the longest row. */
export async function* partRows(reading: PartReading): AsyncGenerator<PreviewBatch> {
  const { part, chunks, rules } = reading;
  const columns = part.columns.length;
  const checks = new ColumnChecks(reading);
  for await (const batch of readTolerant(chunks, part.dialect!, { columns })) {
    const faults = batch.map((row) => faultOfRow(row, columns, rules));
    await checks.learn(batch.filter((_, i) => faults[i] === undefined));
    const found: PreviewBatch = { rows: [], rejects: [] };
    for (const [i, row] of batch.entries()) {
      const fault = faults[i];
      const column = fault === undefined ? checks.misfit(row) : fault.column;
      if (fault !== undefined || column !== undefined) {
        const reason = fault?.reason ?? checks.reason(row, column!);
        found.rejects.push(rejected(reading, row, reason, column));
      } else found.rows.push(valuesOf(row, columns, rules));
    }
    yield found;
  }
}

/** A field is a missing value where it is empty, and in quotes an empty text. */
function valuesOf({ fields, emptyTexts }: TolerantRow, columns: number, rules: RowRules): PreviewRow {
  if (fields.length === columns && !fields.includes('') && rules.long !== 'rescue') return fields;
  const values: PreviewRow = [];
  for (let c = 0; c < columns; c++) {
    const field = fields[c];
    values.push(field === undefined || (field === '' && !emptyTexts?.includes(c)) ? null : field);
  }
  if (rules.long === 'rescue') {
    const surplus = fields.slice(columns).map((field, i) => [`column${columns + i}`, field]);
    values.push(surplus.length === 0 ? null : JSON.stringify(Object.fromEntries(surplus)));
  }
  return values;
}

function rejected({ part, uri }: PartReading, row: TolerantRow, reason: string, column?: number): RejectedRow {
  return {
    uri,
    entry: part.entry?.name ?? null,
    line: row.line,
    byteOffset: row.byteOffset,
    column: column === undefined ? null : (part.columns[column]?.original ?? null),
    reason,
    raw: row.raw.length * 3 <= REJECT_RAW_MAX_BYTES ? row.raw : row.raw.slice(0, REJECT_RAW_MAX_BYTES / 3),
  };
}

/** Whether values are of their columns' types; what the engine was asked once is known from then on. */
class ColumnChecks {
  readonly #reading: PartReading;
  readonly #style: Parameters<typeof surelyFits>[1];
  readonly #sure: (((text: string) => boolean) | undefined)[];
  readonly #known: Map<string, boolean>[];

  constructor(reading: PartReading) {
    const { part, dataset } = reading;
    const { nullTokens, decimalComma, thousands } = part.dialect!;
    this.#reading = reading;
    this.#style = { nullTokens, decimalComma, thousands, timezone: dataset.source.csv.timezone ?? 'UTC' };
    this.#sure = part.columns.map(({ type, format }) => surelyFits(type, this.#style, format));
    this.#known = part.columns.map(() => new Map());
  }

  /** Asks the engine for all values that are not sure to fit, at once for each column. */
  async learn(rows: readonly TolerantRow[]): Promise<void> {
    for (const [c, sure] of this.#sure.entries()) {
      if (sure === undefined) continue;
      const known = this.#known[c]!;
      if (known.size > PREVIEW_CHECKED_VALUES) known.clear();
      const unknown = new Set<string>();
      for (const { fields } of rows) {
        const text = fields[c];
        if (text !== undefined && !sure(text) && !known.has(text)) unknown.add(text);
      }
      if (unknown.size === 0) continue;
      const texts = [...unknown];
      const { type, format } = this.#reading.part.columns[c]!;
      const misfits = await (await this.#reading.check()).misfits(texts, type, this.#style, format);
      for (const [i, text] of texts.entries()) known.set(text, misfits[i]!);
    }
  }

  /** Index of the first column whose value does not fit. */
  misfit({ fields }: TolerantRow): number | undefined {
    for (const [c, sure] of this.#sure.entries()) {
      if (sure === undefined) continue;
      const text = fields[c];
      if (text !== undefined && !sure(text) && this.#known[c]!.get(text)) return c;
    }
    return undefined;
  }

  reason({ fields }: TolerantRow, column: number): string {
    const { type, format } = this.#reading.part.columns[column]!;
    const text = fields[column]!;
    const shown = text.length > REJECT_VALUE_MAX_CHARS ? `${text.slice(0, REJECT_VALUE_MAX_CHARS)}…` : text;
    return `${JSON.stringify(shown)} is no ${type}${format === undefined ? '' : ` of the form ${format}`}`;
  }
}
