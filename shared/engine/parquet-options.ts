import { PARQUET_ZSTD_LEVEL } from '../limits.ts';
import { ident, literal } from './sql.ts';
import type { TableWriting } from './table-engine.ts';

const CODECS = {
  zstd: `zstd, COMPRESSION_LEVEL ${PARQUET_ZSTD_LEVEL}`,
  snappy: 'snappy',
  gzip: 'gzip',
  none: 'uncompressed',
} as const;

/** Options of `COPY … TO` for a table's Parquet files. */
export function parquetOptions({ compression, rowGroupRows, metadata }: TableWriting): string {
  const entries = Object.entries(metadata).map(([key, value]) => `${ident(key)}: ${literal(value)}`);
  return [
    'FORMAT parquet',
    `COMPRESSION ${CODECS[compression.parquet]}`,
    `ROW_GROUP_SIZE ${rowGroupRows}`,
    // The engine makes them of columns with dictionaries alone, which tell readers the same.
    'WRITE_BLOOM_FILTER false',
    ...(entries.length > 0 ? [`KV_METADATA {${entries.join(', ')}}`] : []),
  ].join(', ');
}

/** The same for files that are read once more and thrown away. */
export function passingParquetOptions(rowGroupRows: number): string {
  return `FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE ${rowGroupRows}`;
}
