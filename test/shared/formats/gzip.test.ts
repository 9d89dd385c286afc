import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { constants, gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type Compression, inflateChunks, inflateSample, inflateTo } from '../../../shared/formats/gzip.ts';
import { ARCHIVE_RATIO_FREE_BYTES } from '../../../shared/limits.ts';

const where = 's3://b/a.csv.gz';
const ENCODERS: [Compression, (text: Uint8Array | string) => Buffer][] = [
  ['gzip', (text) => gzipSync(text)],
  ['zstd', (text) => zstdCompressSync(text, { params: { [constants.ZSTD_c_checksumFlag]: 1 } })],
];
/** Text that compresses about twofold and differs everywhere. */
const long = Array.from({ length: 200_000 }, (_, i) => `${(i * 7_919) % 1_000_003},${i}\n`).join('');

async function* chunks(...parts: Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield part;
}

/** `bytes` in chunks that are all in one buffer, overwritten when the next is asked for. */
async function* reused(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  const buffer = Buffer.alloc(size);
  for (let i = 0; i < bytes.length; i += size) {
    buffer.fill(0xff);
    const length = Math.min(size, bytes.length - i);
    buffer.set(bytes.subarray(i, i + length));
    yield buffer.subarray(0, length);
  }
}

async function inflate(source: AsyncIterable<Uint8Array>, compression: Compression): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const chunk of inflateChunks(source, compression, { where })) parts.push(Buffer.from(chunk));
  return Buffer.concat(parts).toString();
}

const failure = (message: RegExp) => ({ name: 'CorruptFile', message: expect.stringMatching(message), where });

describe.each(ENCODERS)('%s', (compression, encode) => {
  it('gives every member, wherever chunks begin', async () => {
    const texts = ['a,b\n', '', long, 'c,d\n'];
    const whole = Buffer.concat(texts.map(encode));
    for (const size of [1 << 20, 65_536, 1_000, 13])
      expect(await inflate(reused(whole, size), compression)).toBe(texts.join(''));
    expect(await inflate(chunks(...texts.map(encode)), compression)).toBe(texts.join(''));
  });

  it('gives short members byte by byte', async () => {
    const texts = ['a,b\n', 'c,d\n', 'e'];
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ maxLength: 20 }), { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 1, max: 9 }),
        async (parts, size) => {
          expect(await inflate(reused(Buffer.concat(parts.map(encode)), size), compression)).toBe(parts.join(''));
        },
      ),
      { numRuns: 50 },
    );
    expect(await inflate(reused(Buffer.concat(texts.map(encode)), 1), compression)).toBe(texts.join(''));
  });

  it('is refused wherever it is cut short', async () => {
    const first = encode('a,b\n');
    const whole = Buffer.concat([first, encode('c,d\n')]);
    for (let length = 0; length < whole.length; length++) {
      if (length === first.length) continue;
      await expect(inflate(chunks(whole.subarray(0, length)), compression)).rejects.toMatchObject(failure(/cut short/));
    }
    const large = encode(long);
    await expect(inflate(reused(large.subarray(0, -1), 1_000), compression)).rejects.toMatchObject(
      failure(/cut short/),
    );
  });

  it('is refused where any byte of its data is another', async () => {
    const whole = encode('a,b\n1,2\n');
    let refused = 0;
    for (let i = 0; i < whole.length; i++) {
      const bad = Buffer.from(whole);
      bad[i]! ^= 0x55;
      const text = await inflate(chunks(bad), compression).catch((error: Error) => {
        expect(error.name).toBe('CorruptFile');
        refused++;
        return undefined;
      });
      // What is left are fields without effect: gzip's time, flags and system.
      expect([undefined, 'a,b\n1,2\n']).toContain(text);
    }
    expect(refused).toBeGreaterThan(whole.length - 8);
  });

  it('is refused where something else goes on behind it', async () => {
    for (const garbage of ['garbage', 'x', '\n'])
      await expect(inflate(chunks(encode('a\n'), Buffer.from(garbage)), compression)).rejects.toMatchObject({
        name: 'CorruptFile',
      });
    await expect(
      inflate(chunks(Buffer.concat([encode('a\n'), Buffer.from('garbage')])), compression),
    ).rejects.toMatchObject({ name: 'CorruptFile' });
  });

  it('passes an error of its source on as it is, and closes a source it does not read to its end', async () => {
    const busy = Object.assign(new Error('slow down'), { name: 'ObjectStoreBusy' });
    async function* failing() {
      yield encode(long).subarray(0, 1_000);
      throw busy;
    }
    await expect(inflate(failing(), compression)).rejects.toBe(busy);
    let closed = false;
    async function* watched() {
      try {
        for (;;) yield encode(long);
      } finally {
        closed = true;
      }
    }
    for await (const chunk of inflateChunks(watched(), compression, { where })) {
      expect(chunk.length).toBeGreaterThan(0);
      break;
    }
    expect(closed).toBe(true);
  });

  it('stops a bomb soon after the bytes that are free', async () => {
    const bomb = encode(Buffer.alloc(ARCHIVE_RATIO_FREE_BYTES + (64 << 20)));
    let bytes = 0;
    const drain = async () => {
      for await (const chunk of inflateChunks(chunks(bomb), compression, { where })) bytes += chunk.length;
    };
    await expect(drain()).rejects.toMatchObject(failure(/beyond the ratio of 200/));
    expect(bytes).toBeLessThanOrEqual(ARCHIVE_RATIO_FREE_BYTES);
  });

  it('goes to a file, with bytes in and out', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'gzip-'));
    try {
      const whole = encode(long);
      expect(await inflateTo(reused(whole, 1_000), compression, join(folder, 'a.csv'), { where })).toEqual({
        bytesIn: whole.length,
        bytesOut: long.length,
      });
      expect(await readFile(join(folder, 'a.csv'), 'utf8')).toBe(long);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('gives a sample of its head without an error at the cut', async () => {
    const whole = encode(long);
    const sample = Buffer.from(
      await inflateSample(whole.subarray(0, whole.length >> 1), compression, 1 << 30, { where }),
    ).toString();
    expect(sample.length).toBeGreaterThan(long.length / 4);
    expect(long.startsWith(sample)).toBe(true);
    expect(Buffer.from(await inflateSample(whole, compression, 1_000, { where })).toString()).toBe(
      long.slice(0, 1_000),
    );
    expect(Buffer.from(await inflateSample(encode('a\n'), compression, 1_000, { where })).toString()).toBe('a\n');
    await expect(
      inflateSample(Buffer.from('certainly not compressed'), compression, 10, { where }),
    ).rejects.toMatchObject({ name: 'CorruptFile' });
  });
});

describe('what is only in one of them', () => {
  it('takes zero bytes behind gzip for padding, but not with data behind them', async () => {
    const member = gzipSync('a\n');
    expect(await inflate(chunks(member, Buffer.alloc(600)), 'gzip')).toBe('a\n');
    expect(await inflate(chunks(Buffer.concat([member, Buffer.alloc(600)])), 'gzip')).toBe('a\n');
    const parts = [member, Buffer.alloc(5), gzipSync('b\n')];
    await expect(inflate(chunks(...parts), 'gzip')).rejects.toMatchObject(
      failure(/data at byte \d+ behind zero bytes/),
    );
    await expect(inflate(chunks(Buffer.concat(parts)), 'gzip')).rejects.toMatchObject(failure(/behind zero bytes/));
  });

  it("passes over zstd's skippable frames, wherever they stand", async () => {
    const skippable = Buffer.from([0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
    const empty = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]);
    const frames = [skippable, zstdCompressSync('a\n'), empty, skippable, zstdCompressSync('b\n'), skippable];
    for (const size of [1, 5, 1_000]) expect(await inflate(reused(Buffer.concat(frames), size), 'zstd')).toBe('a\nb\n');
  });

  it('reads zstd frames of every header size, raw and run-length blocks', async () => {
    const texts = [
      Buffer.alloc(0),
      Buffer.from('x'),
      Buffer.alloc(300, 'a'),
      Buffer.alloc(70_000, 'b'),
      Buffer.alloc(400_000, 'c'),
    ];
    const noise = Buffer.from(Array.from({ length: 300_000 }, (_, i) => ((i * 2_654_435_761) >>> 13) & 255));
    for (const text of [...texts, noise]) {
      for (const level of [1, 19]) {
        const frame = zstdCompressSync(text, { params: { [constants.ZSTD_c_compressionLevel]: level } });
        const out = await inflate(chunks(Buffer.concat([frame, frame])), 'zstd');
        expect(out).toBe(Buffer.concat([text, text]).toString());
      }
    }
  });
});
