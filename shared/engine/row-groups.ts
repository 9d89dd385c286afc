import { stat } from 'node:fs/promises';
import { RecordScanner } from '../formats/csv/record-scanner.ts';
import { DEFAULT_ROW_GROUP_ROWS, ENGINE_VECTOR_ROWS, ROW_GROUP_BYTES, SNIFF_BYTES } from '../limits.ts';
import { faultOf, type LiveInput } from './convert-inputs.ts';
import { textChunks } from './csv-head.ts';

/**
 * Rows of a Parquet row group where nobody has said: fewer of wide rows, so that a group is neither more than the engine can hold nor than
 * a reader wants at once (*measured*: 600 MB of rows of 6 KB in groups of 122,880 rows take seven times as long as in small ones).
 */
export async function rowGroupRowsFor(inputs: readonly LiveInput[], asked: number): Promise<number> {
  if (asked !== DEFAULT_ROW_GROUP_ROWS) return asked;
  let rows = asked;
  for (const input of inputs) {
    const look = rowBytesOf(input).then((width) => {
      rows = Math.min(rows, ROW_GROUP_BYTES / width);
    });
    // An input that cannot be read is told of where its rows are counted, and has no say here.
    await faultOf(look, input.input.uri);
  }
  return Math.max(ENGINE_VECTOR_ROWS, Math.floor(rows / ENGINE_VECTOR_ROWS) * ENGINE_VECTOR_ROWS);
}

/** Mean bytes of a row's text, by what is known or by the first rows; 0 where the whole input is no more than a group. */
async function rowBytesOf({ input, csv, tolerant, count }: LiveInput): Promise<number> {
  if (!csv) return tolerant ? tolerant.bytes / Math.max(1, tolerant.rows) : 0;
  if (input.counted) return input.counted.bytes / Math.max(1, input.counted.records);
  const size = count?.bytes ?? (await stat(input.path)).size;
  if (size <= ROW_GROUP_BYTES && !csv.read.gzip) return 0;
  const scanner = new RecordScanner(csv.read.dialect, { columns: csv.read.columns.length });
  let bytes = 0;
  for await (const chunk of textChunks(csv.read)) {
    scanner.feed(chunk);
    bytes += chunk.length;
    if (bytes >= SNIFF_BYTES) break;
  }
  return bytes / Math.max(1, scanner.end().records);
}
