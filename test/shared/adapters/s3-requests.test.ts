import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { ObjectStore } from '../../../shared/ports/object-store.ts';
import { answerGet, type S3Answer, type S3Request, s3Error } from '../../doubles/scripted-s3.ts';
import { s3Scene } from './s3-scene.ts';

const at = (key: string) => ({ bucket: 'b', key });
const k = at('k');
const scene = s3Scene();

describe('deleting many', () => {
  const result = (errors: string) => ({
    body: `<DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${errors}</DeleteResult>`,
  });
  const error = (key: string, code: string) =>
    `<Error><Key>${key}</Key><Code>${code}</Code><Message>no</Message></Error>`;

  it('sends at most 1,000 keys at once', async () => {
    const store = await scene.storeOver(() => result(''));
    await store.deleteMany(
      'b',
      Array.from({ length: 2500 }, (_, i) => `key ${i}`),
    );
    expect(scene.s3.requests.map(({ body }) => body.toString().match(/<Object>/g)!.length).sort()).toEqual(
      [1000, 1000, 500].sort(),
    );
    expect(store.calls.delete).toBe(3);
  });

  it.each([
    ['AccessDenied', 'AccessDenied'],
    ['InternalError', 'ObjectStoreBusy'],
    ['SlowDown', 'ObjectStoreBusy'],
  ])('fails when a key is left because of %s', async (code, name) => {
    const store = await scene.storeOver(() => result(error('k2', code)));
    const deleting = store.deleteMany('b', ['k1', 'k2']);
    await expect(deleting).rejects.toMatchObject({ name, where: 's3://b/k2' });
    await expect(deleting).rejects.toThrow('1 of 2 keys');
  });

  it('does not mind a key that was gone', async () => {
    const store = await scene.storeOver(() => result(error('k1', 'NoSuchKey')));
    await store.deleteMany('b', ['k1']);
  });

  it('deletes one by one the keys that XML cannot carry', async () => {
    const store = await scene.storeOver(() => result(''));
    await store.deleteMany('b', ['plain', 'bell\u0007']);
    expect(scene.s3.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'POST /b/',
      'DELETE /b/bell\u0007',
    ]);
  });
});

describe('listings', () => {
  it('fails where S3 says that there is more but not where', async () => {
    const store = await scene.storeOver(() => ({
      body: '<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>',
    }));
    await expect(Array.fromAsync(store.list('b', ''))).rejects.toMatchObject({ name: 'ObjectStoreBusy' });
  });

  it('reads keys as S3 writes them: a space as a plus, the rest escaped', async () => {
    const store = await scene.storeOver(() => ({
      body: `<ListBucketResult><EncodingType>url</EncodingType><Contents><Key>a+b%2Bc%0D%25+%C3%A9/d</Key><ETag>&quot;e&quot;</ETag><Size>3</Size><LastModified>2024-01-02T03:04:05.678Z</LastModified></Contents></ListBucketResult>`,
    }));
    expect(await Array.fromAsync(store.list('b', ''))).toEqual([
      { bucket: 'b', key: 'a b+c\r% é/d', etag: 'e', sizeBytes: 3, lastModified: new Date('2024-01-02T03:04:05.678Z') },
    ]);
    expect(scene.s3.requests[0]!.query.get('encoding-type')).toBe('url');
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
  const useAll = async (store: ObjectStore) => {
    await store.head(k);
    await store.read(k);
    await store.download(k, join(scene.scratch, 'file'));
    await Array.fromAsync(store.list('b', ''));
    await store.copy(k, at('l'));
  };

  it('signs nothing for a public bucket', async () => {
    await useAll(await scene.storeOver(anything, { access: { unsigned: true } }));
    expect(scene.s3.requests.map(({ headers }) => headers.authorization)).toEqual(Array(5).fill(undefined));
  });

  it('signs for the bucket’s region', async () => {
    await useAll(await scene.storeOver(anything, { access: { region: 'eu-north-1' } }));
    for (const { headers } of scene.s3.requests) expect(headers.authorization).toContain('/eu-north-1/s3/');
  });

  it('offers to pay, wherever it reads', async () => {
    await useAll(await scene.storeOver(anything, { access: { requesterPays: true } }));
    expect(scene.s3.requests.map(({ headers }) => headers['x-amz-request-payer'])).toEqual(Array(5).fill('requester'));
  });

  it('takes a role, once, and signs with its credentials', async () => {
    const store = await scene.storeOver(
      (request) =>
        request.method === 'POST' && request.path === '/'
          ? {
              body: `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ROLEKEY</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2999-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`,
            }
          : anything(request),
      { access: { roleArn: 'arn:aws:iam::123456789012:role/reader' } },
    );
    process.env['AWS_ENDPOINT_URL_STS'] = scene.s3.url;
    try {
      await useAll(store);
    } finally {
      delete process.env['AWS_ENDPOINT_URL_STS'];
    }
    const [assume, ...others] = scene.s3.requests;
    expect(new URLSearchParams(assume!.body.toString()).get('RoleArn')).toBe('arn:aws:iam::123456789012:role/reader');
    for (const { headers } of others) {
      expect(headers.authorization).toContain('Credential=ROLEKEY/');
      expect(headers['x-amz-security-token']).toBe('t');
    }
    expect(others).toHaveLength(5);
  });

  it('says whose role it could not take', async () => {
    const store = await scene.storeOver(
      () => s3Error(403, 'AccessDenied', 'not authorized to perform sts:AssumeRole'),
      {
        access: { roleArn: 'arn:aws:iam::123456789012:role/reader' },
      },
    );
    process.env['AWS_ENDPOINT_URL_STS'] = scene.s3.url;
    try {
      await expect(store.read(k)).rejects.toMatchObject({ name: 'AccessDenied' });
    } finally {
      delete process.env['AWS_ENDPOINT_URL_STS'];
    }
  });
});
