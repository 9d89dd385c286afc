import { randomBytes } from 'node:crypto';
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { describe, expect, it } from '@jest/globals';
import { mockClient } from 'aws-sdk-client-mock';
import { s3ObjectStore } from '../../../shared/adapters/s3-object-store.ts';
import { FileGrowth } from '../../../shared/engine/file-growth.ts';
import { answerGet, PART_SENT, s3Error, UPLOAD_BEGUN } from '../../doubles/scripted-s3.ts';
import { s3Scene } from './s3-scene.ts';

const KiB = 1024;
const at = (key: string) => ({ bucket: 'b', key });
const k = at('k');
const scene = s3Scene();

describe('large transfers', () => {
  it('downloads by ranges of one version, over connections that it keeps', async () => {
    const bytes = randomBytes(1000 * KiB);
    const store = await scene.storeOver((request) => answerGet(request, bytes), {
      limits: { rangeBytes: 10 * KiB, rangesAtOnce: 4 },
    });
    expect(await store.download(k, join(scene.scratch, 'file'))).toBe(bytes.length);
    expect((await readFile(join(scene.scratch, 'file'))).equals(bytes)).toBe(true);
    expect(scene.s3.requests).toHaveLength(100);
    expect(store.calls.get).toBe(100);
    expect(new Set(scene.s3.requests.slice(1).map(({ headers }) => headers['if-match']))).toEqual(new Set(['"e1"']));
    expect(scene.s3.connections()).toBeLessThanOrEqual(5);
  });

  it('reads a small object by one request, whichever way', async () => {
    const store = await scene.storeOver((request) => answerGet(request, Buffer.from('small')));
    await store.read(k);
    await store.download(k, join(scene.scratch, 'file'));
    await Array.fromAsync(await store.stream(k));
    expect(scene.s3.requests).toHaveLength(3);
  });

  it('reads a stream ahead by so many ranges and no more, and stops with its reader', async () => {
    const bytes = randomBytes(1000 * KiB);
    const client = new S3Client({ region: 'us-east-1' });
    const sent = mockClient(client);
    sent.on(GetObjectCommand).callsFake(({ Range }: { Range: string }) => {
      const [start = 0, end = 0] = Range.match(/\d+/g)!.map(Number);
      return {
        Body: Readable.from([bytes.subarray(start, end + 1)]),
        ETag: '"e1"',
        ContentRange: `bytes ${start}-${end}/${bytes.length}`,
      };
    });
    const store = s3ObjectStore({ client, limits: { rangeBytes: 10 * KiB, streamRangesAhead: 3 } });
    const chunks: Uint8Array[] = [];
    for await (const chunk of await store.stream(k)) {
      chunks.push(chunk);
      expect(sent.commandCalls(GetObjectCommand)).toHaveLength(chunks.length + 3);
      if (chunks.length === 10) break;
    }
    expect(Buffer.concat(chunks).equals(bytes.subarray(0, 100 * KiB))).toBe(true);
  });

  it('stops a stream at the first range that fails', async () => {
    const bytes = randomBytes(100 * KiB);
    const store = await scene.storeOver(
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
    const store = await scene.storeOver(
      (request, i) => (i === 5 ? s3Error(412, 'PreconditionFailed') : answerGet(request, bytes)),
      { limits: { rangeBytes: 10 * KiB } },
    );
    await expect(store.download(k, join(scene.scratch, 'file'))).rejects.toMatchObject({ name: 'PreconditionFailed' });
  });

  it('uploads a file as it grows, each part once it is there', async () => {
    const bytes = randomBytes(35 * KiB);
    const path = join(scene.scratch, 'growing');
    const sent: string[] = [];
    let onPart = () => {};
    const store = await scene.storeOver(
      ({ method, query, body }) => {
        if (query.has('uploads')) return UPLOAD_BEGUN;
        if (method === 'POST')
          return { body: '<CompleteMultipartUploadResult><ETag>"e"</ETag></CompleteMultipartUploadResult>' };
        sent.push(`${query.get('partNumber')}: ${bytes.indexOf(body.subarray(0, 64))} ${body.length}`);
        onPart();
        return PART_SENT;
      },
      { limits: { partBytes: 10 * KiB, partsAtOnce: 2 } },
    );
    const growth = new FileGrowth();
    const done = store.uploadGrowing!(path, k, growth);
    const parts = async (count: number) => {
      while (sent.length < count) {
        await new Promise<void>((resolve) => {
          onPart = resolve;
        });
      }
    };
    await writeFile(path, bytes.subarray(0, 25 * KiB));
    growth.grow(25 * KiB);
    await parts(2);
    // The third part is not whole, and the file not complete.
    expect(sent.sort()).toEqual(['1: 0 10240', '2: 10240 10240']);
    await appendFile(path, bytes.subarray(25 * KiB));
    growth.complete(bytes.length);
    expect(await done).toEqual({ etag: 'e' });
    expect(sent.sort().slice(2)).toEqual(['3: 20480 10240', '4: 30720 5120']);
    const completion = scene.s3.requests.at(-1)!.body.toString();
    expect(completion.match(/<PartNumber>\d/g)).toEqual([1, 2, 3, 4].map((n) => `<PartNumber>${n}`));
    expect(store.calls.put).toBe(6);
  });

  it('sends what grows to no more than a part by one request, and gives up the parts of what is given up', async () => {
    const path = join(scene.scratch, 'growing');
    await writeFile(path, randomBytes(25 * KiB));
    const store = await scene.storeOver(({ query }) => (query.has('uploads') ? UPLOAD_BEGUN : PART_SENT), {
      limits: { partBytes: 25 * KiB },
    });
    const small = new FileGrowth();
    small.complete(25 * KiB);
    await store.uploadGrowing!(path, k, small);
    expect(scene.s3.requests.map(({ method }) => method)).toEqual(['PUT']);

    const lost = new FileGrowth();
    const done = store.uploadGrowing!(path, k, lost);
    lost.grow(26 * KiB);
    await small.reached(0);
    lost.giveUp(new Error('no rows add up'));
    await expect(done).rejects.toThrow('no rows add up');
    const last = scene.s3.requests.at(-1)!;
    expect([last.method, last.query.get('uploadId')]).toEqual(['DELETE', 'u1']);
  });

  it('copies by parts what is too large for one copy, all of one version', async () => {
    const sizeBytes = 6 * 1024 ** 3 + 5;
    const store = await scene.storeOver(({ method, query }) => {
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
    const begin = scene.s3.requests.find(({ query }) => query.has('uploads'))!;
    expect(begin.headers).toMatchObject({ 'content-type': 'text/csv', 'x-amz-meta-by': 'me' });
    const parts = scene.s3.requests.filter(({ query }) => query.has('partNumber'));
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
    const completion = scene.s3.requests.at(-1)!.body.toString();
    expect(completion.match(/<ETag>/g)).toHaveLength(parts.length);
  });

  it('copies by one request what is small', async () => {
    const store = await scene.storeOver(() => ({ body: '<CopyObjectResult><ETag>"c"</ETag></CopyObjectResult>' }));
    expect(await store.copy({ ...at('from'), etag: 'e1' }, k)).toEqual({ etag: 'c' });
    expect(scene.s3.requests).toHaveLength(1);
    expect(scene.s3.requests[0]!.headers['x-amz-copy-source-if-match']).toBe('"e1"');
  });

  it('says why a copy was refused that is not too large', async () => {
    const store = await scene.storeOver(({ method }) =>
      method === 'HEAD' ? { headers: { 'content-length': '5' } } : s3Error(400, 'InvalidRequest', 'to itself'),
    );
    await expect(store.copy(k, k)).rejects.toThrow('to itself');
  });
});
