import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import iconv from 'iconv-lite';
import type { CsvDialect } from '../../../shared/formats/csv-dialect.ts';
import { transcodeChunks, transcodeTo, Utf8Checker } from '../../../shared/formats/transcode.ts';

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < bytes.length; i += size) yield bytes.subarray(i, i + size);
}

async function transcode(bytes: Uint8Array, encoding: CsvDialect['encoding'], bomBytes = 0, size = 7) {
  const counts = { bytesIn: 0, bytesOut: 0, invalid: 0 };
  const parts: Uint8Array[] = [];
  for await (const chunk of transcodeChunks(pieces(bytes, size), { encoding, bomBytes }, counts)) parts.push(chunk);
  const out = Buffer.concat(parts);
  expect(counts).toMatchObject({ bytesIn: bytes.length, bytesOut: out.length });
  return { text: out.toString(), invalid: counts.invalid };
}

describe('transcodeChunks', () => {
  const encodings = ['utf-8', 'utf-16le', 'utf-16be'] as const;

  it('gives back any text in any size of chunk, without its mark', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: 'grapheme' }),
        fc.constantFrom(...encodings),
        fc.boolean(),
        fc.integer({ min: 1, max: 9 }),
        async (text, encoding, mark, size) => {
          const bytes = iconv.encode(mark ? `\ufeff${text}` : text, encoding);
          const bomBytes = mark ? (encoding === 'utf-8' ? 3 : 2) : 0;
          expect(await transcode(bytes, encoding, bomBytes, size)).toEqual({ text, invalid: 0 });
        },
      ),
    );
  });

  it('gives back any text of the single-byte encodings', async () => {
    const latin1 = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    expect(await transcode(latin1, 'latin-1')).toEqual({ text: latin1.toString('latin1'), invalid: 0 });
    const text = 'Ärger, „5 €“ – naïve…\n';
    expect(await transcode(iconv.encode(text, 'windows-1252'), 'windows-1252')).toEqual({ text, invalid: 0 });
  });

  it('keeps a mark that is text', async () => {
    expect(await transcode(Buffer.from('\ufeffa', 'utf16le'), 'utf-16le')).toEqual({ text: '\ufeffa', invalid: 0 });
  });

  it('counts what has no character, and puts U+FFFD there', async () => {
    expect(await transcode(Buffer.from([0x61, 0x81, 0x9d, 0x62]), 'windows-1252')).toEqual({
      text: 'a\ufffd\ufffdb',
      invalid: 2,
    });
    for (const encoding of ['utf-16le', 'utf-16be'] as const) {
      const units = (values: number[]) => {
        const bytes = Buffer.alloc(values.length * 2);
        for (const [i, value] of values.entries())
          bytes[encoding === 'utf-16le' ? 'writeUInt16LE' : 'writeUInt16BE'](value, i * 2);
        return bytes;
      };
      for (const size of [1, 2, 3, 100]) {
        expect(await transcode(units([0x61, 0xd800, 0x62, 0xdc00, 0xd83d, 0xde00]), encoding, 0, size)).toEqual({
          text: 'a\ufffdb\ufffd😀',
          invalid: 2,
        });
        expect(await transcode(units([0x61, 0xd83d]), encoding, 0, size)).toEqual({ text: 'a\ufffd', invalid: 1 });
        expect(await transcode(Buffer.concat([units([0x61]), Buffer.from([0x62])]), encoding, 0, size)).toEqual({
          text: 'a\ufffd',
          invalid: 1,
        });
      }
    }
  });

  it('leaves invalid UTF-8 to be rejected by row, but counts it', async () => {
    const bytes = Buffer.from([0x61, 0xff, 0x62, 0xc3]);
    const parts: Uint8Array[] = [];
    const counts = { bytesIn: 0, bytesOut: 0, invalid: 0 };
    for await (const chunk of transcodeChunks(pieces(bytes, 2), { encoding: 'utf-8', bomBytes: 0 }, counts))
      parts.push(chunk);
    expect(Buffer.concat(parts)).toEqual(bytes);
    expect(counts.invalid).toBe(2);
  });

  it('goes to a file', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'transcode-'));
    try {
      const bytes = Buffer.from('\ufeffä,b\n', 'utf16le');
      const counts = await transcodeTo(pieces(bytes, 3), { encoding: 'utf-16le', bomBytes: 2 }, join(folder, 'a.csv'));
      expect(counts).toEqual({ bytesIn: 10, bytesOut: 5, invalid: 0 });
      expect(await readFile(join(folder, 'a.csv'), 'utf8')).toBe('ä,b\n');
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('Utf8Checker', () => {
  const check = (bytes: Uint8Array, size: number) => {
    const checker = new Utf8Checker();
    for (let i = 0; i < bytes.length; i += size) checker.write(bytes.subarray(i, i + size));
    checker.end();
    return { invalid: checker.invalid, firstInvalid: checker.firstInvalid };
  };

  it('counts what a decoder replaces, in chunks of any size', () => {
    const byte = fc.constantFrom(
      0x41,
      0x80,
      0xbf,
      0xc0,
      0xc3,
      0xa9,
      0xe0,
      0xe2,
      0x82,
      0xac,
      0xed,
      0xa0,
      0xf0,
      0x9f,
      0x98,
      0xf4,
      0x90,
      0xf5,
      0xff,
    );
    fc.assert(
      fc.property(fc.array(byte, { maxLength: 24 }), fc.integer({ min: 1, max: 25 }), (values, size) => {
        const bytes = Uint8Array.from(values);
        const replaced = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes).split('\ufffd').length - 1;
        expect(check(bytes, size).invalid).toBe(replaced);
      }),
      { numRuns: 2_000 },
    );
  });

  it('says where the first is', () => {
    for (const size of [1, 2, 3, 100]) {
      expect(check(Buffer.concat([Buffer.from('aé€😀'), Buffer.from([0xff, 0x61])]), size)).toEqual({
        invalid: 1,
        firstInvalid: 10,
      });
      expect(check(Buffer.from('aé€😀'), size)).toEqual({ invalid: 0, firstInvalid: undefined });
    }
  });
});
