import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { describe, expect, it } from '@jest/globals';
import { mockClient } from 'aws-sdk-client-mock';
import { s3ObjectStore } from '../../../shared/adapters/s3-object-store.ts';
import {
  answerGet,
  PART_SENT,
  type S3Answer,
  type S3Request,
  s3Error,
  UPLOAD_BEGUN,
} from '../../doubles/scripted-s3.ts';
import { s3Scene } from './s3-scene.ts';

const KiB = 1024;
const at = (key: string) => ({ bucket: 'b', key });
const k = at('k');
const scene = s3Scene();

describe('what S3 refuses', () => {
  it.each<[number, string, string]>([
    [403, 'AccessDenied', 'AccessDenied'],
    [403, 'InvalidAccessKeyId', 'AccessDenied'],
    [403, 'SignatureDoesNotMatch', 'AccessDenied'],
    [400, 'ExpiredToken', 'AccessDenied'],
    [403, 'InvalidObjectState', 'BadInput'],
    [404, 'NoSuchKey', 'ObjectNotFound'],
    [404, 'NoSuchBucket', 'BucketNotFound'],
    [412, 'PreconditionFailed', 'PreconditionFailed'],
    [409, 'OperationAborted', 'ObjectStoreBusy'],
    [400, 'RequestTimeout', 'ObjectStoreBusy'],
    [500, 'InternalError', 'ObjectStoreBusy'],
    [502, 'BadGateway', 'ObjectStoreBusy'],
    [503, 'SlowDown', 'ObjectStoreBusy'],
    [503, 'ServiceUnavailable', 'ObjectStoreBusy'],
    [429, 'TooManyRequests', 'ObjectStoreBusy'],
    [400, 'KeyTooLongError', 'BadInput'],
    [400, 'InvalidRequest', 'InvalidRequest'],
  ])('names %d %s as %s, and says where', async (status, code, name) => {
    const store = await scene.storeOver(() => s3Error(status, code), { attempts: 1 });
    await expect(store.read(k)).rejects.toMatchObject({ name, where: 's3://b/k' });
    await expect(store.read(k)).rejects.toThrow('Cannot read s3://b/k');
  });

  it('knows a refusal without a body', async () => {
    const store = await scene.storeOver(() => ({ status: 403 }));
    await expect(store.head(k)).rejects.toMatchObject({ name: 'AccessDenied' });
    await expect(store.head(k)).rejects.toThrow('403');
  });

  it('takes a bucket that may not be asked about for one that is there', async () => {
    const store = await scene.storeOver(({ path }) => ({ status: path === '/b/k' ? 404 : 403 }));
    expect(await store.head(k)).toBeUndefined();
    expect(await store.head(k)).toBeUndefined();
    // It was asked about once.
    expect(scene.s3.requests.map(({ path }) => path)).toEqual(['/b/k', '/b/', '/b/k']);
  });
});

describe('what passes by', () => {
  it('tries again when S3 is slow', async () => {
    const store = await scene.storeOver((request, i) =>
      i < 2 ? s3Error(503, 'SlowDown') : answerGet(request, Buffer.from('body')),
    );
    expect(Buffer.from(await store.read(k)).toString()).toBe('body');
  });

  it('tries again when the connection is cut', async () => {
    const store = await scene.storeOver((request, i) =>
      i === 0 ? { breakAfter: 0 } : answerGet(request, Buffer.from('body')),
    );
    expect(Buffer.from(await store.read(k)).toString()).toBe('body');
  });

  it('gives up in the end, by the name that is worth another run', async () => {
    const store = await scene.storeOver(() => ({ breakAfter: 0 }));
    await expect(store.put(k, 'body')).rejects.toMatchObject({ name: 'ObjectStoreBusy' });
  });

  it('gives up on an address where nobody listens', async () => {
    const store = await scene.storeOver(() => ({}));
    await scene.s3.close();
    await expect(store.read(k)).rejects.toMatchObject({ name: 'ObjectStoreBusy' });
  });

  it('takes up a body that broke off, of the same version', async () => {
    const bytes = randomBytes(1000);
    const brokenOnce = () => {
      let left = 2;
      return (request: S3Request) => ({
        ...answerGet(request, bytes),
        ...(left-- > 0 && { breakAfter: 300 }),
      });
    };
    for (const read of ['read', 'stream', 'download'] as const) {
      const store = await scene.storeOver(brokenOnce());
      const path = join(scene.scratch, 'file');
      let got: Buffer;
      if (read === 'download') {
        expect(await store.download(k, path)).toBe(1000);
        got = await readFile(path);
      } else if (read === 'read') got = Buffer.from(await store.read(k, { range: { start: 0, end: 1000 } }));
      else got = Buffer.concat(await Array.fromAsync(await store.stream(k)));
      expect(got.equals(bytes)).toBe(true);
      for (const { headers } of scene.s3.requests.slice(1)) {
        expect(headers.range).toMatch(/^bytes=(0|300|600)-999$/);
        expect(headers['if-match']).toBe('"e1"');
      }
      expect(store.calls.get).toBe(3);
    }
  });

  it('takes it up at the first byte that is missing', async () => {
    const bytes = randomBytes(1000);
    const client = new S3Client({ region: 'us-east-1' });
    const sent = mockClient(client);
    sent.on(GetObjectCommand).callsFake(({ Range }: { Range: string }) => {
      const [start = 0, end = 0] = Range.match(/\d+/g)!.map(Number);
      const body = async function* () {
        yield bytes.subarray(start, Math.min(start + 300, end + 1));
        if (start + 300 <= end) throw new Error('cut');
      };
      return { Body: Readable.from(body()), ETag: '"e1"', ContentRange: `bytes ${start}-${end}/1000` };
    });
    const got = await s3ObjectStore({ client }).read(k, { range: { start: 100, end: 1000 } });
    expect(Buffer.from(got).equals(bytes.subarray(100))).toBe(true);
    expect(sent.commandCalls(GetObjectCommand).map(({ args }) => args[0].input)).toMatchObject([
      { Range: 'bytes=100-999' },
      { Range: 'bytes=400-999', IfMatch: '"e1"' },
      { Range: 'bytes=700-999', IfMatch: '"e1"' },
    ]);
  });

  it('reads a whole object again from its beginning, for its checksum is of all its bytes', async () => {
    const bytes = randomBytes(1000);
    const store = await scene.storeOver((request, i) => ({
      ...answerGet(request, bytes),
      ...(i < 2 && { breakAfter: 300 }),
    }));
    expect(Buffer.from(await store.read(k)).equals(bytes)).toBe(true);
    expect(scene.s3.requests.map(({ headers }) => headers.range)).toEqual([undefined, undefined, undefined]);
  });

  it('gives up on a body that never comes whole', async () => {
    const bytes = randomBytes(1000);
    const store = await scene.storeOver((request) => ({ ...answerGet(request, bytes), breakAfter: 10 }));
    await expect(store.read(k)).rejects.toMatchObject({ name: 'ObjectStoreBusy' });
    await expect(store.download(k, join(scene.scratch, 'file'))).rejects.toMatchObject({ name: 'ObjectStoreBusy' });
  });

  it('does not mix two versions', async () => {
    const bytes = randomBytes(1000);
    const store = await scene.storeOver((request, i) => ({
      ...answerGet(request, bytes, i === 0 ? 'e1' : 'e2'),
      ...(i === 0 && { breakAfter: 300 }),
    }));
    await expect(store.download(k, join(scene.scratch, 'file'))).rejects.toMatchObject({ name: 'PreconditionFailed' });
  });

  it('notices bytes that are not those that were stored', async () => {
    const store = await scene.storeOver(() => ({
      headers: { etag: '"e1"', 'x-amz-checksum-crc32': 'AAAAAA==', 'x-amz-checksum-type': 'FULL_OBJECT' },
      body: 'body',
    }));
    await expect(store.read(k)).rejects.toMatchObject({ name: 'ObjectStoreBusy' });
    expect(scene.s3.requests[0]!.headers['x-amz-checksum-mode']).toBe('ENABLED');
  });

  it('asks for no checksum of a range, for S3 has none', async () => {
    const store = await scene.storeOver((request) => answerGet(request, randomBytes(1000)));
    await store.read(k, { range: { start: 10, end: 20 } });
    await store.download(k, join(scene.scratch, 'file'));
    expect(scene.s3.requests.map(({ headers }) => headers['x-amz-checksum-mode'])).toEqual([undefined, undefined]);
  });
});

describe('failures inside an answer of 200', () => {
  const failure = (code: string): S3Answer => ({ ...s3Error(200, code), status: 200 });

  it.each(['InternalError', 'SlowDown'])('notices %s in the answer to a copy', async (code) => {
    const store = await scene.storeOver(() => failure(code), { attempts: 1 });
    await expect(store.copy(at('from'), k)).rejects.toMatchObject({ name: 'ObjectStoreBusy' });
  });

  it('notices an empty answer to a copy', async () => {
    const store = await scene.storeOver(() => ({ body: '' }));
    await expect(store.copy(at('from'), k)).rejects.toMatchObject({ name: 'ObjectStoreBusy' });
  });

  it('notices it when an upload is completed, and gives up its parts', async () => {
    await writeFile(join(scene.scratch, 'file'), randomBytes(25 * KiB));
    const store = await scene.storeOver(
      (request) =>
        request.query.has('uploads') ? UPLOAD_BEGUN : request.method === 'POST' ? failure('InternalError') : PART_SENT,
      { limits: { partBytes: 10 * KiB } },
    );
    await expect(store.upload(join(scene.scratch, 'file'), k)).rejects.toMatchObject({ name: 'ObjectStoreBusy' });
    const last = scene.s3.requests.at(-1)!;
    expect([last.method, last.query.get('uploadId')]).toEqual(['DELETE', 'u1']);
  });
});

describe('conditional writes', () => {
  const conflict = s3Error(409, 'ConditionalRequestConflict');

  it('tries again what S3 could not decide', async () => {
    const store = await scene.storeOver((_, i) => (i < 2 ? conflict : { headers: { etag: '"e1"' } }));
    expect(await store.put(k, '', { condition: { ifNoneMatch: '*' } })).toEqual({ etag: 'e1' });
    expect(scene.s3.requests.map(({ headers }) => headers['if-none-match'])).toEqual(['*', '*', '*']);
  });

  it('loses if it is then decided the other way', async () => {
    const store = await scene.storeOver((_, i) => (i < 1 ? conflict : s3Error(412, 'PreconditionFailed')));
    await expect(store.delete(k, { ifMatch: 'e1' })).rejects.toMatchObject({ name: 'PreconditionFailed' });
    expect(scene.s3.requests[0]!.headers['if-match']).toBe('"e1"');
  });

  it('says nothing of the key if it never is', async () => {
    const store = await scene.storeOver(() => conflict);
    await expect(store.put(k, '', { condition: { ifMatch: 'e1' } })).rejects.toMatchObject({ name: 'ObjectStoreBusy' });
  });

  it('gives up the parts of an upload that lost', async () => {
    await writeFile(join(scene.scratch, 'file'), randomBytes(25 * KiB));
    const store = await scene.storeOver(
      (request) =>
        request.query.has('uploads')
          ? UPLOAD_BEGUN
          : request.method === 'POST'
            ? s3Error(412, 'PreconditionFailed')
            : request.method === 'DELETE'
              ? s3Error(500, 'InternalError')
              : PART_SENT,
      { limits: { partBytes: 10 * KiB } },
    );
    // That the parts cannot be given up does not hide why.
    await expect(
      store.upload(join(scene.scratch, 'file'), k, { condition: { ifNoneMatch: '*' } }),
    ).rejects.toMatchObject({
      name: 'PreconditionFailed',
    });
    const completion = scene.s3.requests.find(({ method, query }) => method === 'POST' && query.has('uploadId'))!;
    expect(completion.headers['if-none-match']).toBe('*');
    expect(scene.s3.requests.some(({ method }) => method === 'DELETE')).toBe(true);
  });
});
