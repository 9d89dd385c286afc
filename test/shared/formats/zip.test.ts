import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateRawSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { openRanges } from '../../../shared/formats/range-reader.ts';
import { openZip } from '../../../shared/formats/zip.ts';
import { entryChunks, entrySample, extractEntry } from '../../../shared/formats/zip-entry.ts';
import { ZIP_MAX_ENTRIES } from '../../../shared/limits.ts';
import { type BuiltEntry, buildZip, CountingRanges } from '../../fixtures/zip-builder.ts';

const ARCHIVE = 's3://b/a.zip';
const open = (zip: Buffer) => openZip(new CountingRanges(zip), ARCHIVE);
const failure = (name: string, message: RegExp) => ({ name, message: expect.stringMatching(message), where: ARCHIVE });

async function textOf(zip: Buffer, index: number): Promise<string> {
  const ranges = new CountingRanges(zip);
  const { entries } = await openZip(ranges, ARCHIVE);
  const parts: Uint8Array[] = [];
  for await (const chunk of entryChunks(ranges, entries[index]!, ARCHIVE)) parts.push(Buffer.from(chunk));
  return Buffer.concat(parts).toString();
}

describe('the directory of a ZIP', () => {
  it('lists every file, whatever its name says of paths', async () => {
    const names = ['a.csv', 'folder/b.csv', '../../etc/c.csv', '/d.csv', 'e\\f.csv', 'é.csv', 'a.csv'];
    const { entries } = await open(buildZip(names.map((name) => ({ name, text: `x\n${name}\n` }))));
    expect(entries.map(({ index, name }) => [index, name])).toEqual(names.map((name, i) => [i, name]));
    expect(entries[0]).toMatchObject({ method: 'deflated', uncompressedBytes: 8, headerOffset: 0 });
  });

  it('leaves out folders, links and what systems add', async () => {
    const { entries, ignored } = await open(
      buildZip([
        { name: 'folder/' },
        { name: '__MACOSX/._a.csv', text: 'x' },
        { name: 'folder/.DS_Store', text: 'x' },
        { name: 'link.csv', text: 'a.csv', madeBy: (3 << 8) | 20, externalAttributes: (0xa1ff << 16) >>> 0 },
        { name: 'folder/a.csv', text: 'x\n1\n', madeBy: (3 << 8) | 20, externalAttributes: (0x81a4 << 16) >>> 0 },
      ]),
    );
    expect(entries.map(({ index, name }) => [index, name])).toEqual([[0, 'folder/a.csv']]);
    expect(ignored).toHaveLength(4);
  });

  it('reads names of code page 437 where they are not UTF-8', async () => {
    const { entries } = await open(buildZip([{ name: Buffer.from([0x81, 0x2e, 0x63, 0x73, 0x76]), text: 'x' }]));
    expect(entries[0]!.name).toBe('ü.csv');
  });

  it('takes one read for a small archive', async () => {
    const ranges = new CountingRanges(buildZip([{ name: 'a.csv', text: 'x' }]));
    await openZip(ranges);
    expect(ranges.reads).toBe(1);
  });

  it('takes two reads where the directory lies before the last 64 KiB, and no file data', async () => {
    const text = 'x'.repeat(500_000);
    const entries: BuiltEntry[] = Array.from({ length: 2_000 }, (_, i) => ({
      name: `${i}-${'n'.repeat(60)}.csv`,
      text: 'x',
    }));
    const ranges = new CountingRanges(buildZip([{ name: 'large.csv', text, method: 0 }, ...entries]));
    expect((await openZip(ranges)).entries).toHaveLength(2_001);
    expect(ranges.reads).toBe(2);
    expect(ranges.bytesRead).toBeLessThan(400_000);
  });

  it('reads ZIP64', async () => {
    const { entries } = await open(buildZip([{ name: 'a.csv', text: 'x\n1\n', zip64: true }], { zip64: true }));
    expect(entries[0]).toMatchObject({ uncompressedBytes: 4, headerOffset: 0 });
  });

  it('refuses an archive without files', async () => {
    await expect(open(buildZip([]))).rejects.toMatchObject(failure('EmptyObject', /no file in s3:/));
    await expect(open(buildZip([{ name: 'folder/' }]))).rejects.toMatchObject({ name: 'EmptyObject' });
  });

  it('refuses what is no ZIP, or is cut short anywhere', async () => {
    const zip = buildZip([
      { name: 'a.csv', text: 'x\n1\n' },
      { name: 'b.csv', text: 'x\n2\n' },
    ]);
    for (let length = 0; length < zip.length; length++)
      await expect(open(zip.subarray(0, length))).rejects.toMatchObject({ name: 'CorruptFile', where: ARCHIVE });
    await expect(open(Buffer.alloc(1000))).rejects.toMatchObject(failure('CorruptFile', /end of central directory/));
  });

  it('refuses a directory that goes on behind the count', async () => {
    const entries = ['a.csv', 'b.csv', 'c.csv'].map((name) => ({ name, text: 'x' }));
    await expect(open(buildZip(entries, { entryCount: 2 }))).rejects.toMatchObject(
      failure('CorruptFile', /goes on behind the 2 entries/),
    );
  });

  it('passes a failed read on as it is', async () => {
    const busy = Object.assign(new Error('slow down'), { name: 'ObjectStoreBusy' });
    const zip = buildZip([
      { name: 'a.csv', text: 'x'.repeat(200_000), method: 0 },
      ...Array.from({ length: 2000 }, (_, i) => ({ name: `${i}-${'n'.repeat(60)}` })),
    ]);
    const ranges = new CountingRanges(zip);
    const flaky = {
      sizeBytes: zip.length,
      read: (start: number, end: number) => (ranges.reads === 0 ? ranges.read(start, end) : Promise.reject(busy)),
    };
    await expect(openZip(flaky)).rejects.toBe(busy);
  });
});

describe('what is not opened', () => {
  it.each<[string, BuiltEntry[], string, RegExp]>([
    ['encryption', [{ name: 'a.csv', text: 'x', flags: 1, method: 8 }], 'BadInput', /entry "a.csv": it is encrypted/],
    ['AES encryption', [{ name: 'a.csv', data: Buffer.alloc(9), method: 99, flags: 1 }], 'BadInput', /encrypted/],
    ['strong encryption', [{ name: 'a.csv', text: 'x', flags: 0x41 }], 'BadInput', /encrypted/],
    ['Deflate64', [{ name: 'a.csv', text: 'x', method: 9, compressedSize: 1 }], 'BadInput', /method 9 \(Deflate64\)/],
    [
      'a ZIP in the ZIP',
      [{ name: 'inner.zip', text: 'x' }],
      'BadInput',
      /"inner.zip": an archive or compressed file inside a ZIP/,
    ],
    ['a gzip in the ZIP', [{ name: 'a.csv.gz', text: 'x' }], 'BadInput', /"a.csv.gz"/],
    [
      'an Excel workbook',
      [
        { name: '[Content_Types].xml', text: '<x/>' },
        { name: 'xl/workbook.xml', text: '<x/>' },
      ],
      'UnknownFormat',
      /Office document/,
    ],
  ])('refuses %s', async (_, entries, name, message) => {
    await expect(open(buildZip(entries))).rejects.toMatchObject(failure(name, message));
  });

  it('refuses a nested archive that is named otherwise, from its content', async () => {
    const inner = gzipSync('x\n1\n');
    await expect(textOf(buildZip([{ name: 'a.csv', text: inner }]), 0)).rejects.toMatchObject(
      failure('BadInput', /entry "a.csv": a gzip file inside a ZIP/),
    );
    const zip = buildZip([{ name: 'a.csv', text: buildZip([{ name: 'b.csv', text: 'x' }]), method: 0 }]);
    await expect(textOf(zip, 0)).rejects.toMatchObject(failure('BadInput', /a zip file inside a ZIP/));
    const ranges = new CountingRanges(zip);
    const { entries } = await openZip(ranges, ARCHIVE);
    await expect(entrySample(ranges, entries[0]!, 100, ARCHIVE)).rejects.toMatchObject({ name: 'BadInput' });
  });
});

describe('bombs', () => {
  it('refuses thousands of entries that share one block', async () => {
    const kernel = deflateRawSync(Buffer.alloc(1_000_000));
    const first: BuiltEntry = { name: 'a.csv', data: kernel, uncompressedSize: 1_000_000 };
    const shared = Array.from({ length: 5_000 }, (_, i) => ({ ...first, name: `${i}.csv`, sharesHeaderOf: 0 }));
    await expect(open(buildZip([first, ...shared]))).rejects.toMatchObject(failure('CorruptFile', /overlaps entry/));
  });

  it('refuses entries of which one quotes the next, as in flat bombs', async () => {
    const zip = buildZip([
      { name: 'a.csv', text: 'x'.repeat(100), method: 0 },
      { name: 'b.csv', text: 'y'.repeat(100), method: 0 },
    ]);
    const longer = buildZip([
      { name: 'a.csv', text: 'x'.repeat(100), method: 0, compressedSize: 200, uncompressedSize: 200 },
      { name: 'b.csv', text: 'y'.repeat(100), method: 0 },
    ]);
    await expect(open(zip)).resolves.toBeDefined();
    await expect(open(longer)).rejects.toMatchObject(
      failure('CorruptFile', /entry "a.csv" ends at byte 235 or later and overlaps entry "b.csv" at 135/),
    );
  });

  it('refuses an entry that reaches into the directory', async () => {
    const zip = buildZip([{ name: 'a.csv', text: 'x', method: 0, compressedSize: 30, uncompressedSize: 30 }]);
    await expect(open(zip)).rejects.toMatchObject(failure('CorruptFile', /overlaps the directory/));
  });

  it('refuses more entries than are allowed before it reads them', async () => {
    const zip = buildZip([{ name: 'a.csv', text: 'x' }], { entryCount: ZIP_MAX_ENTRIES + 1, zip64: true });
    await expect(open(zip)).rejects.toMatchObject(failure('CorruptFile', /10001 entries where at most 10000/));
  });

  it('refuses a ratio, of one entry or of all, and a total', async () => {
    const bomb = { name: 'a.csv', data: Buffer.alloc(100_000), method: 8 };
    await expect(open(buildZip([{ ...bomb, uncompressedSize: 200_000_000 }]))).rejects.toMatchObject(
      failure('CorruptFile', /100\d\d\d bytes would grow to 200000000, beyond the ratio of 200/),
    );
    const padding = { name: 'pad.csv', data: Buffer.alloc(2_000_000), method: 0, uncompressedSize: 2_000_000 };
    await expect(open(buildZip([padding, { ...bomb, uncompressedSize: 200_000_000 }]))).rejects.toMatchObject(
      failure('CorruptFile', /entry "a.csv": 100000 bytes would grow to 200000000/),
    );
    const small = Array.from({ length: 20 }, (_, i) => ({
      name: `${i}.csv`,
      data: Buffer.alloc(10_000),
      method: 8,
      uncompressedSize: 10_000_000,
    }));
    await expect(open(buildZip(small))).rejects.toMatchObject(failure('CorruptFile', /ratio of 200/));
    const huge = { ...bomb, uncompressedSize: 300 * 2 ** 30, zip64: true };
    await expect(open(buildZip([huge], { zip64: true }))).rejects.toMatchObject(
      failure('CorruptFile', /total of 214748364800/),
    );
  });

  it('stops at the announced size whatever the data goes on to', async () => {
    const data = deflateRawSync(Buffer.alloc(200_000_000), { level: 1 });
    const zip = buildZip([{ name: 'a.csv', data, uncompressedSize: 1_000_000 }]);
    const ranges = new CountingRanges(zip);
    const { entries } = await openZip(ranges, ARCHIVE);
    let bytes = 0;
    const drain = async () => {
      for await (const chunk of entryChunks(ranges, entries[0]!, ARCHIVE)) bytes += chunk.length;
    };
    await expect(drain()).rejects.toMatchObject(
      failure('CorruptFile', /entry "a.csv": it has more than the 1000000 bytes/),
    );
    expect(bytes).toBeLessThanOrEqual(1_000_000);
  });

  it('survives any byte of an archive being another', async () => {
    const zip = buildZip([
      { name: 'a.csv', text: 'id,name\n1,ab\n2,cd\n' },
      { name: 'b.csv', text: 'id,name\n3,ef\n', method: 0 },
    ]);
    const wanted = [await textOf(zip, 0), await textOf(zip, 1)];
    for (let i = 0; i < zip.length; i++) {
      for (const flip of [0x01, 0x80, 0xff]) {
        const bad = Buffer.from(zip);
        bad[i]! ^= flip;
        // Either refused by name, or what is read is what was written: CRC and size hold.
        try {
          const { entries } = await open(bad);
          for (const [k, entry] of entries.entries()) {
            const text = await textOf(bad, k);
            expect(wanted).toContain(text);
            expect(entry.uncompressedBytes).toBe(text.length);
          }
        } catch (error) {
          expect(['CorruptFile', 'BadInput', 'EmptyObject']).toContain((error as Error).name);
        }
      }
    }
  });
});

describe("an entry's text", () => {
  it('comes whole, stored or deflated, whatever the local extra field', async () => {
    const text = Array.from({ length: 50_000 }, (_, i) => `${i},name ${i}\n`).join('');
    for (const method of [0, 8]) {
      for (const extra of [0, 20, 5_000, 60_000]) {
        const zip = buildZip([
          { name: 'before.csv', text: 'x' },
          { name: 'a.csv', text, method, localExtra: Buffer.alloc(extra) },
        ]);
        expect(await textOf(zip, 1)).toBe(text);
      }
    }
  });

  it('takes one read where it is small', async () => {
    const ranges = new CountingRanges(
      buildZip([
        { name: 'a.csv', text: 'x\n1\n' },
        { name: 'b.csv', text: 'x' },
      ]),
    );
    const { entries } = await openZip(ranges);
    ranges.reads = 0;
    for await (const _ of entryChunks(ranges, entries[0]!));
    expect(ranges.reads).toBe(1);
  });

  it('is read from the middle of a large archive in ranges, not more than it needs', async () => {
    const noise = randomBytes(20_000_000);
    const ranges = new CountingRanges(
      buildZip([
        { name: 'a.csv', text: noise, method: 0 },
        { name: 'b.csv', text: noise, method: 0 },
      ]),
    );
    const { entries } = await openZip(ranges);
    ranges.reads = 0;
    ranges.bytesRead = 0;
    let bytes = 0;
    for await (const chunk of entryChunks(ranges, entries[0]!)) bytes += chunk.length;
    expect(bytes).toBe(20_000_000);
    expect(ranges.reads).toBe(3);
    expect(ranges.bytesRead).toBeLessThan(20_001_000);
  });

  it('is refused where its CRC, its size or its local header is another', async () => {
    const text = 'x\n1\n';
    await expect(textOf(buildZip([{ name: 'a.csv', text, crc32: 1 }]), 0)).rejects.toMatchObject(
      failure(
        'CorruptFile',
        /s3:\/\/b\/a.zip, entry "a.csv": its CRC-32 is 0x[0-9a-f]{8} where the directory has 0x00000001/,
      ),
    );
    await expect(textOf(buildZip([{ name: 'a.csv', text, uncompressedSize: 9 }]), 0)).rejects.toMatchObject(
      failure('CorruptFile', /it has 4 bytes where the directory announces 9/),
    );
    await expect(textOf(buildZip([{ name: 'a.csv', text, localMethod: 0 }]), 0)).rejects.toMatchObject(
      failure('CorruptFile', /local header has method 0 where the directory has 8/),
    );
    const data = deflateRawSync(text.repeat(100)).subarray(0, 5);
    await expect(textOf(buildZip([{ name: 'a.csv', data, uncompressedSize: 400 }]), 0)).rejects.toMatchObject(
      failure('CorruptFile', /it is cut short/),
    );
  });

  it('gives its head without the rest', async () => {
    const text = Array.from({ length: 1_000_000 }, (_, i) => `${i},name ${i}\n`).join('');
    const ranges = new CountingRanges(buildZip([{ name: 'a.csv', text }]));
    const { entries } = await openZip(ranges);
    ranges.reads = 0;
    ranges.bytesRead = 0;
    expect(Buffer.from(await entrySample(ranges, entries[0]!, 10_000)).toString()).toBe(text.slice(0, 10_000));
    expect(ranges.reads).toBe(1);
    expect(ranges.bytesRead).toBeLessThan(11_000);
    const short = buildZip([{ name: 'a.csv', text: 'x\n' }]);
    const one = new CountingRanges(short);
    expect(Buffer.from(await entrySample(one, (await openZip(one)).entries[0]!, 100)).toString()).toBe('x\n');
  });

  it('goes to a file, from a file', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'zip-'));
    try {
      const { writeFile } = await import('node:fs/promises');
      await writeFile(join(folder, 'a.zip'), buildZip([{ name: '../up.csv', text: 'x\n1\n' }]));
      const ranges = await openRanges(join(folder, 'a.zip'));
      const { entries } = await openZip(ranges);
      expect(await extractEntry(ranges, entries[0]!, join(folder, 'out.csv'))).toBe(4);
      await ranges.close();
      expect(await readFile(join(folder, 'out.csv'), 'utf8')).toBe('x\n1\n');
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
