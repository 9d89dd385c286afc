import type { FoundPart } from '../../shared/domain/load.ts';
import { UnknownFormat } from '../../shared/errors.ts';
import { fileChunks } from '../../shared/formats/file-chunks.ts';
import { inflateChunks } from '../../shared/formats/gzip.ts';
import { openRanges } from '../../shared/formats/range-reader.ts';
import { entryChunks } from '../../shared/formats/zip-entry.ts';

/** Bytes of a delimited text as they are when unpacked; throws `UnknownFormat` for what is none. */
export function partChunks(path: string, part: FoundPart): AsyncIterable<Uint8Array> {
  if (part.format !== 'csv') {
    throw new UnknownFormat(`Cannot preview ${path}: it is ${part.format}, and only delimited text is previewed`);
  }
  switch (part.compression) {
    case 'gzip':
    case 'zstd':
      return inflateChunks(fileChunks(path), part.compression, { where: path });
    case 'zip':
      return zipped(path, part);
    default:
      return fileChunks(path);
  }
}

async function* zipped(path: string, { entry }: FoundPart): AsyncGenerator<Uint8Array> {
  const reader = await openRanges(path);
  try {
    yield* entryChunks(reader, entry!, path);
  } finally {
    await reader.close();
  }
}
