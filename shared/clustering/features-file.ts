import {
  Float64,
  makeData,
  makeVector,
  type RecordBatch,
  Table,
  tableFromIPC,
  tableToIPC,
  Uint32,
  type Vector,
} from 'apache-arrow';

/** Points as they pass from step to step: an Arrow IPC file of `row` and one column a coordinate, `x0`, `x1`, …. */
export function writeFeatures(points: Float64Array, dimensions: number, rows: Uint32Array): Uint8Array {
  const columns: Record<string, Vector> = {
    row: makeVector(makeData({ type: new Uint32(), data: rows })),
  };
  for (let d = 0; d < dimensions; d++) {
    const column = Float64Array.from(rows, (_, i) => points[i * dimensions + d]!);
    columns[`x${d}`] = makeVector(makeData({ type: new Float64(), data: column }));
  }
  return tableToIPC(new Table(columns), 'file');
}

/** Throws RangeError for a file that holds anything else. */
export function readFeatures(bytes: Uint8Array): { points: Float64Array; dimensions: number; rows: Uint32Array } {
  const table = tableFromIPC(bytes);
  const names = table.schema.fields.map(({ name }) => name);
  const dimensions = names.length - 1;
  if (names[0] !== 'row' || names.slice(1).some((name, d) => name !== `x${d}`)) {
    throw new RangeError(`Cannot read features: the file has the columns ${names.join(', ')}`);
  }
  const rows = new Uint32Array(table.numRows);
  const points = new Float64Array(table.numRows * dimensions);
  let at = 0;
  for (const batch of table.batches as RecordBatch[]) {
    rows.set(batch.getChildAt(0)!.toArray() as Uint32Array, at);
    for (let d = 0; d < dimensions; d++) {
      const column = batch.getChildAt(d + 1)!.toArray() as Float64Array;
      for (let i = 0; i < column.length; i++) points[(at + i) * dimensions + d] = column[i]!;
    }
    at += batch.numRows;
  }
  return { points, dimensions, rows };
}
