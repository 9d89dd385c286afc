import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { detectContainer } from '../../../shared/formats/container.ts';
import { buildZip } from '../../fixtures/zip-builder.ts';
import { describeWithSharedData } from '../../setup/available.ts';

const bytes = (...values: number[]) => Uint8Array.from(values);
const padded = (head: Uint8Array, at = 0) => Buffer.concat([Buffer.alloc(at), head, Buffer.alloc(20, 1)]);

describe('detectContainer', () => {
  it.each([
    ['gzip', gzipSync('a,b\n')],
    ['zstd', zstdCompressSync('a,b\n')],
    ['zstd', padded(bytes(0x53, 0x2a, 0x4d, 0x18))],
    ['zip', buildZip([{ name: 'a.csv', text: 'x' }])],
    ['zip', buildZip([])],
    ['hdf5', padded(bytes(0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a))],
    ['hdf5', padded(bytes(0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a), 512)],
    ['parquet', Buffer.from('PAR1\x15\x04\x15\x10')],
    ['avro', padded(Buffer.from('Obj\x01'))],
  ] as const)('knows %s', (container, head) => {
    expect(detectContainer(head)).toBe(container);
  });

  it.each([
    ['text', 'id,name\n1,ab\n'],
    ['a header that begins like Parquet', 'PAR1,PAR2\n1,2\n'],
    ['a header that begins like encrypted Parquet', 'PARENT,CHILD\n1,2\n'],
    ['a header that begins like bzip2', 'BZh9,name\n'],
    ['UTF-16', Buffer.from('\ufeffid,name\n', 'utf16le')],
    ['nothing', ''],
    ['a gzip magic number cut short', Buffer.from([0x1f, 0x8b])],
  ])('takes %s for plain', (_, head) => {
    expect(detectContainer(Buffer.from(head as string))).toBe('plain');
  });

  it('refuses encrypted Parquet, which has no readable footer', () => {
    expect(() => detectContainer(Buffer.from('PARE\x2c\0\0\0rest'), 's3://b/k')).toThrow(
      expect.objectContaining({ name: 'BadInput', message: expect.stringContaining('s3://b/k'), where: 's3://b/k' }),
    );
  });

  it.each([
    ['bzip2', padded(Buffer.from('BZh91AY&SY'))],
    ['tar', Buffer.concat([Buffer.from('data.csv'), Buffer.alloc(249), Buffer.from('ustar\0'), Buffer.alloc(249)])],
    ['xz', padded(bytes(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00))],
    ['7-Zip', padded(bytes(0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c))],
    ['RAR', padded(Buffer.from('Rar!\x1a\x07\x01\x00'))],
    ['old Excel', padded(bytes(0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1))],
    ['classic netCDF', padded(Buffer.from('CDF\x01'))],
  ])('names %s when it refuses it', (name, head) => {
    expect(() => detectContainer(head, 's3://b/k')).toThrow(
      expect.objectContaining({ name: 'UnknownFormat', message: expect.stringContaining(name) }),
    );
  });
});

describeWithSharedData('real granules', (shared) => {
  it('are HDF5', () => {
    const glm = join(shared, 'glm');
    const files = readdirSync(glm).filter((name) => name.endsWith('.nc'));
    expect(files.map((name) => detectContainer(readFileSync(`${glm}/${name}`).subarray(0, 64)))).toEqual(
      files.map(() => 'hdf5'),
    );
  });
});
