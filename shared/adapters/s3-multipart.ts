import { type FileHandle, open } from 'node:fs/promises';
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  type HeadObjectCommandOutput,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { BadInput } from '../errors.ts';
import { MAX_PARTS, STORE_COPY_TIMEOUT_MS } from '../limits.ts';
import { type Address, type GrowingFile, uri, type WriteOptions, type Written } from '../ports/object-store.ts';
import { readAt } from './file-bytes.ts';
import { quote, type S3Connection } from './s3-calls.ts';
import { inParallel } from './s3-parallel.ts';
import { copySource, objectHeaders, requestCondition, writeConditionally, written } from './s3-writes.ts';

/** A local file as one object, in parallel parts that are read from their places in the file. */
export async function uploadInParts(
  s3: S3Connection,
  path: string,
  sizeBytes: number,
  to: Address,
  options: WriteOptions,
): Promise<Written> {
  const partBytes = partSize(sizeBytes, s3.limits.partBytes);
  await using file = await open(path, 'r');
  return await inParts(
    s3,
    to,
    { ...options, ChecksumAlgorithm: 'CRC32' },
    {
      count: Math.ceil(sizeBytes / partBytes),
      atOnce: s3.limits.partsAtOnce,
      send(partNumber, upload, signal) {
        const start = (partNumber - 1) * partBytes;
        const end = Math.min(start + partBytes, sizeBytes);
        return sendPart(s3, file, { path, start, end, sizeBytes }, { ...upload, PartNumber: partNumber }, signal);
      },
    },
  );
}

/** The same of a file that is still being written and has more bytes than one part already: each part goes as soon as it is there. */
export async function uploadAsItGrows(
  s3: S3Connection,
  path: string,
  growing: GrowingFile,
  to: Address,
): Promise<Written> {
  const { partBytes } = s3.limits;
  await using file = await open(path, 'r');
  return await inParts(
    s3,
    to,
    { ChecksumAlgorithm: 'CRC32' },
    {
      count: MAX_PARTS,
      atOnce: s3.limits.partsAtOnce,
      async send(partNumber, upload, signal) {
        const start = (partNumber - 1) * partBytes;
        const { bytes, isComplete } = await growing.reached(start + partBytes);
        if (isComplete && bytes <= start) return undefined;
        const end = Math.min(start + partBytes, bytes);
        if (partNumber === MAX_PARTS && (!isComplete || bytes > end))
          throw new BadInput(`Cannot send ${path}: it has over ${end} bytes, which is all that its parts take`);
        return sendPart(
          s3,
          file,
          { path, start, end, sizeBytes: bytes },
          { ...upload, PartNumber: partNumber },
          signal,
        );
      },
    },
  );
}

async function sendPart(
  s3: S3Connection,
  file: FileHandle,
  { path, start, end, sizeBytes }: { path: string; start: number; end: number; sizeBytes: number },
  upload: { Bucket: string; Key: string; UploadId: string | undefined; PartNumber: number },
  signal: AbortSignal,
): Promise<CompletedPart> {
  const Body = Buffer.allocUnsafe(end - start);
  const got = await readAt(file, Body, start);
  if (got < Body.length) {
    throw new BadInput(`Cannot send ${path}: it ends at byte ${start + got} where it had ${sizeBytes} bytes`);
  }
  const sent = await s3.call('put', 'write', uri({ bucket: upload.Bucket, key: upload.Key }), () =>
    s3.client.send(new UploadPartCommand({ ...upload, Body }), { abortSignal: signal }),
  );
  return { ETag: sent.ETag, ...(sent.ChecksumCRC32 ? { ChecksumCRC32: sent.ChecksumCRC32 } : {}) };
}

/** A copy inside the store, in parallel parts of exactly the version that `source` describes. */
export async function copyInParts(
  s3: S3Connection,
  from: Address,
  source: HeadObjectCommandOutput,
  to: Address,
  options: WriteOptions,
): Promise<Written> {
  const sizeBytes = source.ContentLength ?? 0;
  const partBytes = partSize(sizeBytes, s3.limits.copyPartBytes);
  return await inParts(s3, to, options, {
    count: Math.ceil(sizeBytes / partBytes),
    atOnce: s3.limits.copyPartsAtOnce,
    async send(partNumber, upload, signal) {
      const start = (partNumber - 1) * partBytes;
      const end = Math.min(sizeBytes, start + partBytes);
      const { CopyPartResult: copied } = await s3.call('copy', 'copy', uri(from), () =>
        s3.client.send(
          new UploadPartCopyCommand({
            ...upload,
            ...s3.payer,
            PartNumber: partNumber,
            CopySource: copySource(from),
            CopySourceRange: `bytes=${start}-${end - 1}`,
            CopySourceIfMatch: source.ETag,
          }),
          { abortSignal: signal, requestTimeout: STORE_COPY_TIMEOUT_MS },
        ),
      );
      return { ETag: copied?.ETag };
    },
  });
}

interface Parts {
  /** At most so many. */
  count: number;
  atOnce: number;
  /** Undefined: there is no such part, nor any behind it. */
  send(
    partNumber: number,
    upload: { Bucket: string; Key: string; UploadId: string | undefined },
    signal: AbortSignal,
  ): Promise<CompletedPart | undefined>;
}

async function inParts(
  s3: S3Connection,
  to: Address,
  { ChecksumAlgorithm, ...options }: WriteOptions & { ChecksumAlgorithm?: 'CRC32' },
  { count, atOnce, send }: Parts,
): Promise<Written> {
  const where = uri(to);
  const target = { Bucket: to.bucket, Key: to.key };
  const { UploadId } = await s3.call('put', 'write', where, () =>
    // Without the algorithm said here, S3 refuses parts that bring the SDK's own checksum.
    s3.client.send(new CreateMultipartUploadCommand({ ...target, ...objectHeaders(options), ChecksumAlgorithm })),
  );
  const upload = { ...target, UploadId };
  try {
    const sent = await inParallel(count, atOnce, async (index, signal) => {
      const part = await send(index + 1, upload, signal);
      return part && { ...part, PartNumber: index + 1 };
    });
    const Parts = sent.filter((part) => part !== undefined);
    const done = await writeConditionally(options.condition, where, () =>
      s3.call('put', 'write', where, () =>
        s3.client.send(
          new CompleteMultipartUploadCommand({
            ...upload,
            ...requestCondition(options.condition),
            MultipartUpload: { Parts },
          }),
          { requestTimeout: STORE_COPY_TIMEOUT_MS },
        ),
      ),
    );
    return written(done);
  } catch (error) {
    // Parts cost money until they are given up. Where that fails too, the bucket's lifecycle rule does it, and the error
    // that counts is the first.
    await s3
      .call('put', 'give up the parts of', where, () => s3.client.send(new AbortMultipartUploadCommand(upload)))
      .catch(() => undefined);
    throw error;
  }
}

/** At least `leastBytes`, and large enough that no more than S3's number of parts are needed. */
function partSize(sizeBytes: number, leastBytes: number): number {
  return Math.max(leastBytes, Math.ceil(sizeBytes / MAX_PARTS));
}

/** What pins a copy to the version that was looked at. */
export function sourcePin(etag: string | undefined): { CopySourceIfMatch?: string } {
  return etag === undefined ? {} : { CopySourceIfMatch: quote(etag) };
}
