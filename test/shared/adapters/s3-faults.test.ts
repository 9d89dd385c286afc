import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mockClient } from 'aws-sdk-client-mock';
import { type S3ObjectStoreOptions, s3ObjectStore } from '../../../shared/adapters/s3-object-store.ts';
import {
  answerGet,
  type S3Answer,
  type S3Request,
  type ScriptedS3,
  s3Error,
  scriptedS3,
} from '../../doubles/scripted-s3.ts';

process.env['AWS_ACCESS_KEY_ID'] ??= 'test';
process.env['AWS_SECRET_ACCESS_KEY'] ??= 'test';

const KiB = 1024;
const at = (key: string) => ({ bucket: 'b', key });
const k = at('k');

let s3: ScriptedS3;
let scratch: string;

beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), 's3-faults-'));
});
afterEach(async () => {
  await s3.close();
  await rm(scratch, { recursive: true, force: true });
});

async function storeOver(
  answer: (request: S3Request, index: number) => S3Answer,
  options: Partial<S3ObjectStoreOptions> = {},
) {
  s3 = await scriptedS3(answer);
  return s3ObjectStore({ endpoint: s3.url, region: 'us-east-1', ...options });
}

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
    const store = await storeOver(() => s3Error(status, code), { attempts: 1 });
    await expect(store.read(k)).rejects.toMatchObject({ name, where: 's3://b/k' });
    await expect(store.read(k)).rejects.toThrow('Cannot read s3://b/k');
  });

  it('knows a refusal without a body', async () => {
    const store = await storeOver(() => ({ status: 403 }));
    await expect(store.head(k)).rejects.toMatchObject({ name: 'AccessDenied' });
    await expect(store.head(k)).rejects.toThrow('403');
  });

  it('takes a bucket that may not be asked about for one that is there', async () => {
    const store = await storeOver(({ path }) => ({ status: path === '/b/k' ? 404 : 403 }));
    expect(await store.head(k)).toBeUndefined();
    expect(await store.head(k)).toBeUndefined();
    // It was asked about once.
    expect(s3.requests.map(({ path }) => path)).toEqual(['/b/k', '/b/', '/b/k']);
  });
});

describe('what passes by', () => {
  it('tries again when S3 is slow', async () => {
    const store = await storeOver((request, i) =>
      i < 2 ? s3Error(503, 'SlowDown') : answerGet(request, Buffer.from('body')),
    );
    expect(Buffer.from(await store.read(k)).toString()).toBe('body');
  });

  it('tries again when the connection is cut', async () => {
    const store = await storeOver((request, i) =>
      i === 0 ? { breakAfter: 0 } : answerGet(request, Buffer.from('body')),
    );
    expect(Buffer.from(await store.read(k)).toString()).toBe('body');
  });

  it('gives up in the end, by the name that is worth another run', async () => {
    const store = await storeOver(() => ({ breakAfter: 0 }));
    await expect(store.put(k, 'body')).rejects.toMatchObject({ name: 'ObjectStoreBusy' });
  });

  it('gives up on an address where nobody listens', async () => {
    const store = await storeOver(() => ({}));
    await s3.close();
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
      const store = await storeOver(brokenOnce());
      const path = join(scratch, 'file');
      let got: Buffer;
      if (read === 'download') {
        expect(await store.download(k, path)).toBe(1000);
        got = await readFile(path);
      } else if (read === 'read') got = Buffer.from(await store.read(k, { range: { start: 0, end: 1000 } }));
      else got = Buffer.concat(await Array.fromAsync(await store.stream(k)));
      expect(got.equals(bytes)).toBe(true);
      for (const { headers } of s3.requests.slice(1)) {
        expect(headers.range).toMatch(/^bytes=(0|300|600)-999$/);
        expect(headers['if-match']).toBe('"e1"');
      }
      expect(store.calls.get).toBe(3);
      await s3.close();
    }
  });

  it('takes it up at the first byte that is missing', async () => {
    s3 = await scriptedS3(() => ({}));
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
    const store = await storeOver((request, i) => ({
      ...answerGet(request, bytes),
      ...(i < 2 && { breakAfter: 300 }),
    }));
    expect(Buffer.from(await store.read(k)).equals(bytes)).toBe(true);
    expect(s3.requests.map(({ headers }) => headers.range)).toEqual([undefined, undefined, undefined]);
  });

  it('gives up on a body that never comes whole', async () => {
    const bytes = randomBytes(1000);
    const store = await storeOver((request) => ({ ...answerGet(request, bytes), breakAfter: 10 }));
    await expect(store.read(k)).rejects.toMatchObject({ name: 'ObjectStoreBusy' });
    await expect(store.download(k, join(scratch, 'file'))).rejects.toMatchObject({ name: 'ObjectStoreBusy' });
  });

  it('does not mix two versions', async () => {
    const bytes = randomBytes(1000);
    const store = await storeOver((request, i) => ({
      ...answerGet(request, bytes, i === 0 ? 'e1' : 'e2'),
      ...(i === 0 && { breakAfter: 300 }),
    }));
    await expect(store.download(k, join(scratch, 'file'))).rejects.toMatchObject({ name: 'PreconditionFailed' });
  });

  it('notices bytes that are not those that were stored', async () => {
    const store = await storeOver(() => ({
      headers: { etag: '"e1"', 'x-amz-checksum-crc32': 'AAAAAA==', 'x-amz-checksum-type': 'FULL_OBJECT' },
      body: 'body',
    }));
    await expect(store.read(k)).rejects.toMatchObject({ name: 'ObjectStoreBusy' });
    expect(s3.requests[0]!.headers['x-amz-checksum-mode']).toBe('ENABLED');
  });

  it('asks for no checksum of a range, for S3 has none', async () => {
    const store = await storeOver((request) => answerGet(request, randomBytes(1000)));
    await store.read(k, { range: { start: 10, end: 20 } });
    await store.download(k, join(scratch, 'file'));
    expect(s3.requests.map(({ headers }) => headers['x-amz-checksum-mode'])).toEqual([undefined, undefined]);
  });
});

describe('failures inside an answer of 200', () => {
  const failure = (code: string): S3Answer => ({ ...s3Error(200, code), status: 200 });

  it.each(['InternalError', 'SlowDown'])('notices %s in the answer to a copy', async (code) => {
    const store = await storeOver(() => failure(code), { attempts: 1 });
    await expect(store.copy(at('from'), k)).rejects.toMatchObject({ name: 'ObjectStoreBusy' });
  });

  it('notices an empty answer to a copy', async () => {
    const store = await storeOver(() => ({ body: '' }));
    await expect(store.copy(at('from'), k)).rejects.toMatchObject({ name: 'ObjectStoreBusy' });
  });

  it('notices it when an upload is completed, and gives up its parts', async () => {
    await writeFile(join(scratch, 'file'), randomBytes(25 * KiB));
    const store = await storeOver(
      (request) =>
        request.query.has('uploads') ? UPLOAD_BEGUN : request.method === 'POST' ? failure('InternalError') : PART_SENT,
      { limits: { partBytes: 10 * KiB } },
    );
    await expect(store.upload(join(scratch, 'file'), k)).rejects.toMatchObject({ name: 'ObjectStoreBusy' });
    const last = s3.requests.at(-1)!;
    expect([last.method, last.query.get('uploadId')]).toEqual(['DELETE', 'u1']);
  });
});

const UPLOAD_BEGUN: S3Answer = {
  body: '<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>',
};
const PART_SENT: S3Answer = { headers: { etag: '"p"' } };

describe('conditional writes', () => {
  const conflict = s3Error(409, 'ConditionalRequestConflict');

  it('tries again what S3 could not decide', async () => {
    const store = await storeOver((_, i) => (i < 2 ? conflict : { headers: { etag: '"e1"' } }));
    expect(await store.put(k, '', { condition: { ifNoneMatch: '*' } })).toEqual({ etag: 'e1' });
    expect(s3.requests.map(({ headers }) => headers['if-none-match'])).toEqual(['*', '*', '*']);
  });

  it('loses if it is then decided the other way', async () => {
    const store = await storeOver((_, i) => (i < 1 ? conflict : s3Error(412, 'PreconditionFailed')));
    await expect(store.delete(k, { ifMatch: 'e1' })).rejects.toMatchObject({ name: 'PreconditionFailed' });
    expect(s3.requests[0]!.headers['if-match']).toBe('"e1"');
  });

  it('says nothing of the key if it never is', async () => {
    const store = await storeOver(() => conflict);
    await expect(store.put(k, '', { condition: { ifMatch: 'e1' } })).rejects.toMatchObject({ name: 'ObjectStoreBusy' });
  });

  it('gives up the parts of an upload that lost', async () => {
    await writeFile(join(scratch, 'file'), randomBytes(25 * KiB));
    const store = await storeOver(
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
    await expect(store.upload(join(scratch, 'file'), k, { condition: { ifNoneMatch: '*' } })).rejects.toMatchObject({
      name: 'PreconditionFailed',
    });
    const completion = s3.requests.find(({ method, query }) => method === 'POST' && query.has('uploadId'))!;
    expect(completion.headers['if-none-match']).toBe('*');
    expect(s3.requests.some(({ method }) => method === 'DELETE')).toBe(true);
  });
});

describe('large transfers', () => {
  it('downloads by ranges of one version, over connections that it keeps', async () => {
    const bytes = randomBytes(1000 * KiB);
    const store = await storeOver((request) => answerGet(request, bytes), {
      limits: { rangeBytes: 10 * KiB, rangesAtOnce: 4 },
    });
    expect(await store.download(k, join(scratch, 'file'))).toBe(bytes.length);
    expect((await readFile(join(scratch, 'file'))).equals(bytes)).toBe(true);
    expect(s3.requests).toHaveLength(100);
    expect(store.calls.get).toBe(100);
    expect(new Set(s3.requests.slice(1).map(({ headers }) => headers['if-match']))).toEqual(new Set(['"e1"']));
    expect(s3.connections()).toBeLessThanOrEqual(5);
  });

  it('reads a small object by one request, whichever way', async () => {
    const store = await storeOver((request) => answerGet(request, Buffer.from('small')));
    await store.read(k);
    await store.download(k, join(scratch, 'file'));
    await Array.fromAsync(await store.stream(k));
    expect(s3.requests).toHaveLength(3);
  });

  it('reads a stream ahead by so many ranges and no more, and stops with its reader', async () => {
    const bytes = randomBytes(1000 * KiB);
    const store = await storeOver((request) => answerGet(request, bytes), {
      limits: { rangeBytes: 10 * KiB, streamRangesAhead: 3 },
    });
    const chunks: Uint8Array[] = [];
    for await (const chunk of await store.stream(k)) {
      chunks.push(chunk);
      if (chunks.length === 10) break;
    }
    expect(Buffer.concat(chunks).equals(bytes.subarray(0, 100 * KiB))).toBe(true);
    expect(s3.requests.length).toBeLessThanOrEqual(13);
  });

  it('stops a stream at the first range that fails', async () => {
    const bytes = randomBytes(100 * KiB);
    const store = await storeOver(
      (request) =>
        request.headers.range?.startsWith('bytes=30720-') ? s3Error(403, 'AccessDenied') : answerGet(request, bytes),
      { limits: { rangeBytes: 10 * KiB } },
    );
    const chunks: Uint8Array[] = [];
    const reading = (async () => {
      for await (const chunk of await store.stream(k)) chunks.push(chunk);
    })();
    await expect(reading).rejects.toMatchObject({ name: 'AccessDenied' });
    expect(Buffer.concat(chunks)).toHaveLength(30 * KiB);
  });

  it('fails a download when a range does', async () => {
    const bytes = randomBytes(100 * KiB);
    const store = await storeOver(
      (request, i) => (i === 5 ? s3Error(412, 'PreconditionFailed') : answerGet(request, bytes)),
      { limits: { rangeBytes: 10 * KiB } },
    );
    await expect(store.download(k, join(scratch, 'file'))).rejects.toMatchObject({ name: 'PreconditionFailed' });
  });

  it('copies by parts what is too large for one copy, all of one version', async () => {
    const sizeBytes = 6 * 1024 ** 3 + 5;
    const store = await storeOver(({ method, query }) => {
      if (method === 'HEAD') {
        return {
          headers: {
            'content-length': String(sizeBytes),
            etag: '"big"',
            'content-type': 'text/csv',
            'x-amz-meta-by': 'me',
          },
        };
      }
      if (query.has('uploads')) return UPLOAD_BEGUN;
      if (query.has('partNumber'))
        return { body: `<CopyPartResult><ETag>"p${query.get('partNumber')}"</ETag></CopyPartResult>` };
      if (method === 'POST')
        return { body: '<CompleteMultipartUploadResult><ETag>"done-13"</ETag></CompleteMultipartUploadResult>' };
      return s3Error(400, 'InvalidRequest', 'The specified copy source is larger than the maximum allowable size');
    });
    expect(await store.copy(at('from ü+'), k)).toEqual({ etag: 'done-13' });
    const begin = s3.requests.find(({ query }) => query.has('uploads'))!;
    expect(begin.headers).toMatchObject({ 'content-type': 'text/csv', 'x-amz-meta-by': 'me' });
    const parts = s3.requests.filter(({ query }) => query.has('partNumber'));
    let next = 0;
    for (const { headers } of parts.toSorted(
      (a, b) => Number(a.query.get('partNumber')) - Number(b.query.get('partNumber')),
    )) {
      const [start, end] = /^bytes=(\d+)-(\d+)$/.exec(String(headers['x-amz-copy-source-range']))!.slice(1).map(Number);
      expect(start).toBe(next);
      next = end! + 1;
      expect(headers['x-amz-copy-source']).toBe('b/from%20%C3%BC%2B');
      expect(headers['x-amz-copy-source-if-match']).toBe('"big"');
    }
    expect(next).toBe(sizeBytes);
    const completion = s3.requests.at(-1)!.body.toString();
    expect(completion.match(/<ETag>/g)).toHaveLength(parts.length);
  });

  it('copies by one request what is small', async () => {
    const store = await storeOver(() => ({ body: '<CopyObjectResult><ETag>"c"</ETag></CopyObjectResult>' }));
    expect(await store.copy({ ...at('from'), etag: 'e1' }, k)).toEqual({ etag: 'c' });
    expect(s3.requests).toHaveLength(1);
    expect(s3.requests[0]!.headers['x-amz-copy-source-if-match']).toBe('"e1"');
  });

  it('says why a copy was refused that is not too large', async () => {
    const store = await storeOver(({ method }) =>
      method === 'HEAD' ? { headers: { 'content-length': '5' } } : s3Error(400, 'InvalidRequest', 'to itself'),
    );
    await expect(store.copy(k, k)).rejects.toThrow('to itself');
  });
});

describe('deleting many', () => {
  const result = (errors: string) => ({
    body: `<DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${errors}</DeleteResult>`,
  });
  const error = (key: string, code: string) =>
    `<Error><Key>${key}</Key><Code>${code}</Code><Message>no</Message></Error>`;

  it('sends at most 1,000 keys at once', async () => {
    const store = await storeOver(() => result(''));
    await store.deleteMany(
      'b',
      Array.from({ length: 2500 }, (_, i) => `key ${i}`),
    );
    expect(s3.requests.map(({ body }) => body.toString().match(/<Object>/g)!.length).sort()).toEqual(
      [1000, 1000, 500].sort(),
    );
    expect(store.calls.delete).toBe(3);
  });

  it.each([
    ['AccessDenied', 'AccessDenied'],
    ['InternalError', 'ObjectStoreBusy'],
    ['SlowDown', 'ObjectStoreBusy'],
  ])('fails when a key is left because of %s', async (code, name) => {
    const store = await storeOver(() => result(error('k2', code)));
    const deleting = store.deleteMany('b', ['k1', 'k2']);
    await expect(deleting).rejects.toMatchObject({ name, where: 's3://b/k2' });
    await expect(deleting).rejects.toThrow('1 of 2 keys');
  });

  it('does not mind a key that was gone', async () => {
    const store = await storeOver(() => result(error('k1', 'NoSuchKey')));
    await store.deleteMany('b', ['k1']);
  });

  it('deletes one by one the keys that XML cannot carry', async () => {
    const store = await storeOver(() => result(''));
    await store.deleteMany('b', ['plain', 'bell\u0007']);
    expect(s3.requests.map(({ method, path }) => `${method} ${path}`)).toEqual(['POST /b/', 'DELETE /b/bell\u0007']);
  });
});

describe('listings', () => {
  it('fails where S3 says that there is more but not where', async () => {
    const store = await storeOver(() => ({
      body: '<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>',
    }));
    await expect(Array.fromAsync(store.list('b', ''))).rejects.toMatchObject({ name: 'ObjectStoreBusy' });
  });

  it('reads keys as S3 writes them: a space as a plus, the rest escaped', async () => {
    const store = await storeOver(() => ({
      body: `<ListBucketResult><EncodingType>url</EncodingType><Contents><Key>a+b%2Bc%0D%25+%C3%A9/d</Key><ETag>&quot;e&quot;</ETag><Size>3</Size><LastModified>2024-01-02T03:04:05.678Z</LastModified></Contents></ListBucketResult>`,
    }));
    expect(await Array.fromAsync(store.list('b', ''))).toEqual([
      { bucket: 'b', key: 'a b+c\r% é/d', etag: 'e', sizeBytes: 3, lastModified: new Date('2024-01-02T03:04:05.678Z') },
    ]);
    expect(s3.requests[0]!.query.get('encoding-type')).toBe('url');
  });
});

describe('other ways to reach a bucket', () => {
  const listing: S3Answer = {
    body: '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></ListBucketResult>',
  };
  const anything = (request: S3Request): S3Answer =>
    request.query.has('list-type')
      ? listing
      : request.headers['x-amz-copy-source'] !== undefined
        ? { body: '<CopyObjectResult><ETag>"c"</ETag></CopyObjectResult>' }
        : answerGet(request, Buffer.from('body'));
  const useAll = async (store: Awaited<ReturnType<typeof storeOver>>) => {
    await store.head(k);
    await store.read(k);
    await store.download(k, join(scratch, 'file'));
    await Array.fromAsync(store.list('b', ''));
    await store.copy(k, at('l'));
  };

  it('signs nothing for a public bucket', async () => {
    await useAll(await storeOver(anything, { access: { unsigned: true } }));
    expect(s3.requests.map(({ headers }) => headers.authorization)).toEqual(Array(5).fill(undefined));
  });

  it('signs for the bucket’s region', async () => {
    await useAll(await storeOver(anything, { access: { region: 'eu-north-1' } }));
    for (const { headers } of s3.requests) expect(headers.authorization).toContain('/eu-north-1/s3/');
  });

  it('offers to pay, wherever it reads', async () => {
    await useAll(await storeOver(anything, { access: { requesterPays: true } }));
    expect(s3.requests.map(({ headers }) => headers['x-amz-request-payer'])).toEqual(Array(5).fill('requester'));
  });

  it('takes a role, once, and signs with its credentials', async () => {
    const store = await storeOver(
      (request) =>
        request.method === 'POST' && request.path === '/'
          ? {
              body: `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ROLEKEY</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2999-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`,
            }
          : anything(request),
      { access: { roleArn: 'arn:aws:iam::123456789012:role/reader' } },
    );
    process.env['AWS_ENDPOINT_URL_STS'] = s3.url;
    try {
      await useAll(store);
    } finally {
      delete process.env['AWS_ENDPOINT_URL_STS'];
    }
    const [assume, ...others] = s3.requests;
    expect(new URLSearchParams(assume!.body.toString()).get('RoleArn')).toBe('arn:aws:iam::123456789012:role/reader');
    for (const { headers } of others) {
      expect(headers.authorization).toContain('Credential=ROLEKEY/');
      expect(headers['x-amz-security-token']).toBe('t');
    }
    expect(others).toHaveLength(5);
  });

  it('says whose role it could not take', async () => {
    const store = await storeOver(() => s3Error(403, 'AccessDenied', 'not authorized to perform sts:AssumeRole'), {
      access: { roleArn: 'arn:aws:iam::123456789012:role/reader' },
    });
    process.env['AWS_ENDPOINT_URL_STS'] = s3.url;
    try {
      await expect(store.read(k)).rejects.toMatchObject({ name: 'AccessDenied' });
    } finally {
      delete process.env['AWS_ENDPOINT_URL_STS'];
    }
  });
});
