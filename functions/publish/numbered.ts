import type { NewFile } from '../../shared/commit/entry.ts';
import type { Dataset } from '../../shared/dataset/dataset.ts';
import type { FinalStoredFile } from '../../shared/domain/load.ts';
import type { OutputFormat } from '../../shared/domain/schema.ts';

/** `part-00000.parquet`, numbered within each partition. */
export function numbered(
  files: (FinalStoredFile & { of?: number[] })[],
  format: OutputFormat,
  dataset: Dataset,
): NewFile[] {
  const counts = new Map<string, number>();
  const ofFormat = files.filter((file) => file.format === format);
  return ofFormat.map((file) => {
    const key = JSON.stringify(file.partition);
    const n = counts.get(key) ?? 0;
    counts.set(key, n + 1);
    return {
      partition: file.partition,
      name: `part-${String(n).padStart(5, '0')}${extension(format, dataset)}`,
      staged: file.key,
      etag: file.etag,
      rows: file.rows,
      bytes: file.bytes,
      ...(file.of ? { of: file.of } : {}),
      ...(file.rowsOf ? { rowsOf: file.rowsOf } : {}),
    };
  });
}

/** Readers tell a compressed CSV by its name alone; the other formats say it inside. */
function extension(format: OutputFormat, dataset: Dataset): string {
  return format === 'csv' && dataset.target.compression.csv === 'gzip' ? '.csv.gz' : `.${format}`;
}
