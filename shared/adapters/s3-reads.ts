import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { ObjectStoreBusy, PreconditionFailed } from '../errors.ts';
import { FILE_WRITE_BYTES, STORE_BODY_ATTEMPTS, STORE_IDLE_TIMEOUT_MS } from '../limits.ts';
import { type Address, type ByteRange, type ReadCondition, uri } from '../ports/object-store.ts';
import { writeAt } from './file-bytes.ts';
import { quote, type S3Connection, unquote } from './s3-calls.ts';
import { statusOf } from './s3-errors.ts';
import { inParallel } from './s3-parallel.ts';

/** The answer to one GET: bytes `start` to `end` (exclusive) of an object of `sizeBytes`, and what pins this version. */
interface Opened {
  body: Readable;
  start: number;
  end: number;
  sizeBytes: number;
  pin: ReadCondition;
}

/** The whole object, or a range of it, in memory; undefined where it has no byte in that range. */
export async function readIntoMemory(
  s3: S3Connection,
  address: Address,
  pin: ReadCondition,
  range: ByteRange | undefined,
): Promise<Uint8Array | undefined> {
  if (!range) return readWhole(s3, address, pin);
  const opened = await openRange(s3, address, pin, range);
  return opened && collect(s3, address, opened);
}

/** By one answer, which S3 sends with the object's checksum: taking a broken one up in its middle would lose that. */
async function readWhole(s3: S3Connection, address: Address, pin: ReadCondition): Promise<Uint8Array | undefined> {
  const where = uri(address);
  for (let attempt = 1; ; attempt++) {
    const opened = await openRange(s3, address, pin);
    if (!opened) return undefined;
    try {
      const bytes = Buffer.concat(await Array.fromAsync(watched(opened.body)));
      if (bytes.length === opened.end) return bytes;
      throw new Error(`${bytes.length} of ${opened.end} bytes came`);
    } catch (error) {
      if (attempt < STORE_BODY_ATTEMPTS) continue;
      const reason = (error as Error).message;
      throw new ObjectStoreBusy(`Cannot read ${where}: the answer broke off ${attempt} times (${reason})`, {
        where,
        cause: error,
      });
    }
  }
}

/**
 * The object in ranges, several of them under way while the caller works on the one before; undefined where it has no byte
 * in the range. Holds no connection while nobody reads, so a slow reader loses none.
 */
export async function readAhead(
  s3: S3Connection,
  address: Address,
  pin: ReadCondition,
  range: ByteRange | undefined,
): Promise<AsyncIterable<Uint8Array> | undefined> {
  const first = await openFirst(s3, address, pin, range);
  if (!first) return undefined;
  const bytes = await collect(s3, address, first.opened);
  return inOrder(s3, address, bytes, first);
}

async function* inOrder(s3: S3Connection, address: Address, first: Uint8Array, { opened, rest }: First) {
  const stop = new AbortController();
  const underWay: Promise<Uint8Array>[] = [];
  let next = 0;
  const startMore = () => {
    while (underWay.length < s3.limits.streamRangesAhead && next < rest.length) {
      const bytes = fetchRange(s3, address, opened, rest[next++]!, stop.signal);
      // It is awaited in its turn; until then its failure is no unhandled one.
      bytes.catch(() => undefined);
      underWay.push(bytes);
    }
  };
  try {
    startMore();
    yield first;
    for (let bytes = underWay.shift(); bytes; bytes = underWay.shift()) {
      const chunk = await bytes;
      startMore();
      yield chunk;
    }
  } finally {
    stop.abort();
  }
}

async function fetchRange(s3: S3Connection, address: Address, { pin }: Opened, range: ByteRange, signal: AbortSignal) {
  return collect(s3, address, await openPart(s3, address, pin, range, signal), signal);
}

/** Brings the range to a file by parallel ranged reads, all of one version; returns the bytes written. */
export async function readIntoFile(
  s3: S3Connection,
  address: Address,
  path: string,
  pin: ReadCondition,
  range: ByteRange | undefined,
): Promise<number> {
  const first = await openFirst(s3, address, pin, range);
  await using file = await open(path, 'w');
  if (!first) return 0;
  const { opened, rest } = first;
  const origin = opened.start;
  let written = 0;
  const save = async (source: Opened, signal: AbortSignal) => {
    let at = source.start - origin;
    let held: Uint8Array[] = [];
    let heldBytes = 0;
    const flush = async () => {
      await writeAt(file, held.length === 1 ? held[0]! : Buffer.concat(held), at);
      at += heldBytes;
      written += heldBytes;
      held = [];
      heldBytes = 0;
    };
    for await (const chunk of bytesOf(s3, address, source, signal)) {
      held.push(chunk);
      heldBytes += chunk.length;
      if (heldBytes >= FILE_WRITE_BYTES) await flush();
    }
    await flush();
  };
  await inParallel(1 + rest.length, s3.limits.rangesAtOnce, async (index, signal) => {
    await save(index === 0 ? opened : await openPart(s3, address, opened.pin, rest[index - 1]!, signal), signal);
  });
  return written;
}

/** The first range, whose answer tells the object's size and version, and the ranges that are left. */
interface First {
  opened: Opened;
  rest: ByteRange[];
}

async function openFirst(
  s3: S3Connection,
  address: Address,
  pin: ReadCondition,
  range: ByteRange = { start: 0, end: Number.POSITIVE_INFINITY },
): Promise<First | undefined> {
  const { rangeBytes } = s3.limits;
  const end = Math.min(range.end, range.start + rangeBytes);
  const opened = await openRange(s3, address, pin, { start: range.start, end });
  if (!opened) return undefined;
  const rest: ByteRange[] = [];
  const last = Math.min(range.end, opened.sizeBytes);
  for (let at = opened.end; at < last; at += rangeBytes) rest.push({ start: at, end: Math.min(last, at + rangeBytes) });
  return { opened, rest };
}

/** A range that is known to lie in the object. */
async function openPart(
  s3: S3Connection,
  address: Address,
  pin: ReadCondition,
  range: ByteRange,
  signal: AbortSignal | undefined,
): Promise<Opened> {
  const opened = await openRange(s3, address, pin, range, signal);
  if (opened && opened.start === range.start && opened.end === range.end) return opened;
  opened?.body.destroy();
  const where = uri(address);
  throw new PreconditionFailed(
    `Cannot read ${where}: it has no bytes ${range.start} to ${range.end} although it had when the reading began`,
    { where },
  );
}

/** Undefined where the range begins at or after the object's end. */
async function openRange(
  s3: S3Connection,
  address: Address,
  pin: ReadCondition,
  range?: ByteRange,
  signal?: AbortSignal,
): Promise<Opened | undefined> {
  const where = uri(address);
  try {
    const answer = await s3.call('get', 'read', where, () =>
      s3.client.send(
        new GetObjectCommand({
          Bucket: address.bucket,
          Key: address.key,
          ...(pin.ifMatch === undefined ? {} : { IfMatch: quote(pin.ifMatch) }),
          ...(pin.versionId === undefined ? {} : { VersionId: pin.versionId }),
          ...(range ? { Range: `bytes=${range.start}-${range.end - 1}` } : { ChecksumMode: 'ENABLED' }),
          ...s3.payer,
        }),
        signal ? { abortSignal: signal } : {},
      ),
    );
    const span = spanOf(answer.ContentRange, answer.ContentLength ?? 0);
    const versionId = pin.versionId ?? answer.VersionId;
    return {
      body: answer.Body as Readable,
      ...span,
      pin: { ifMatch: unquote(answer.ETag), ...(versionId === undefined ? {} : { versionId }) },
    };
  } catch (error) {
    if (statusOf(error) === 416) return undefined;
    throw error;
  }
}

/** From `bytes 0-9/100`; without it the answer is the whole object. */
function spanOf(contentRange: string | undefined, length: number): { start: number; end: number; sizeBytes: number } {
  const found = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(contentRange ?? '');
  if (!found) return { start: 0, end: length, sizeBytes: length };
  return { start: Number(found[1]), end: Number(found[2]) + 1, sizeBytes: Number(found[3]) };
}

async function collect(s3: S3Connection, address: Address, opened: Opened, signal?: AbortSignal): Promise<Uint8Array> {
  const bytes = Buffer.allocUnsafe(opened.end - opened.start);
  let at = 0;
  for await (const chunk of bytesOf(s3, address, opened, signal)) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

/** The bytes of one answer, whole: a body that breaks off, which the SDK does not mend, is taken up where it ended. */
async function* bytesOf(
  s3: S3Connection,
  address: Address,
  opened: Opened,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const where = uri(address);
  let at = opened.start;
  let source = opened;
  for (let attempt = 1; ; attempt++) {
    let broken: unknown = new Error('the answer ended too early');
    try {
      for await (const chunk of watched(source.body)) {
        at += chunk.length;
        yield chunk;
      }
      if (at === opened.end) return;
    } catch (error) {
      broken = error;
    }
    if (signal?.aborted || at > opened.end || attempt === STORE_BODY_ATTEMPTS) {
      const reason = (broken as Error).message;
      throw new ObjectStoreBusy(
        `Cannot read ${where}: the answer broke off at byte ${at} of ${opened.start} to ${opened.end} (${reason})`,
        { where, cause: broken },
      );
    }
    if (at === opened.end) return;
    source = await openPart(s3, address, opened.pin, { start: at, end: opened.end }, signal);
  }
}

/** Ends a body in which nothing moves; the SDK's time-out covers only the wait for the answer's beginning. */
async function* watched(body: Readable): AsyncGenerator<Uint8Array> {
  const timer = setTimeout(
    () => body.destroy(new Error(`no byte came for ${STORE_IDLE_TIMEOUT_MS} ms`)),
    STORE_IDLE_TIMEOUT_MS,
  );
  try {
    for await (const chunk of body) {
      timer.refresh();
      yield chunk;
      timer.refresh();
    }
  } finally {
    clearTimeout(timer);
  }
}
