import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decodeSample, detectEncoding } from '../../../../shared/formats/csv/encoding.ts';

const bytes = (text: string, encoding: BufferEncoding) => Buffer.from(text, encoding);
const detect = (head: Uint8Array, complete = true) => detectEncoding([head], complete);

describe('detectEncoding', () => {
  it.each([
    ['ASCII', bytes('a,b\n1,2\n', 'utf8'), 'utf-8', 0],
    ['UTF-8', bytes('a,ü\n', 'utf8'), 'utf-8', 0],
    ['UTF-8 with a mark', bytes('\ufeffa,ü\n', 'utf8'), 'utf-8', 3],
    ['UTF-16 LE with a mark', bytes('\ufeffa,ü\n', 'utf16le'), 'utf-16le', 2],
    ['UTF-16 BE with a mark', bytes('\ufeffa,ü\n', 'utf16le').swap16(), 'utf-16be', 2],
    ['UTF-16 LE without', bytes('a,b\n1,2\n', 'utf16le'), 'utf-16le', 0],
    ['UTF-16 BE without', bytes('a,b\n1,2\n', 'utf16le').swap16(), 'utf-16be', 0],
    ['Latin-1', bytes('a,gar\u00e7on\n', 'latin1'), 'latin-1', 0],
    ['Windows-1252', Buffer.concat([bytes('a,', 'latin1'), Buffer.of(0x93, 0x62, 0x94)]), 'windows-1252', 0],
  ] as const)('%s', (_, head, encoding, bomBytes) => {
    expect(detect(head)).toMatchObject({ encoding, bomBytes, invalidBytes: false });
  });

  it('takes Windows-1252 where a file goes on, since the rest may use what Latin-1 lacks', () => {
    expect(detect(bytes('a,gar\u00e7on\n', 'latin1'), false).encoding).toBe('windows-1252');
  });

  it('looks at every sample: a late accent decides', () => {
    const ascii = bytes('a,b\n', 'utf8');
    expect(detectEncoding([ascii, bytes('x,ü\n', 'utf8')], false).encoding).toBe('utf-8');
    expect(detectEncoding([ascii, bytes('x,\u00fc\n', 'latin1')], false).encoding).toBe('windows-1252');
  });

  it('keeps UTF-8 for a text with a few damaged bytes, and says so', () => {
    const text = Buffer.concat([bytes('äöüß'.repeat(10), 'utf8'), Buffer.of(0xe7, 0x6f)]);
    expect(detect(text)).toMatchObject({ encoding: 'utf-8', invalidBytes: true });
  });

  it('obeys a declaration, and takes a mark for one only where it is of that encoding', () => {
    const marked = bytes('\ufeffa', 'utf8');
    expect(detectEncoding([marked], true, 'utf-8')).toMatchObject({ encoding: 'utf-8', bomBytes: 3 });
    expect(detectEncoding([marked], true, 'latin-1')).toMatchObject({ encoding: 'latin-1', bomBytes: 0 });
  });

  it('is not misled by a character cut at either end of a sample', () => {
    fc.assert(
      fc.property(fc.nat(11), fc.nat(11), (start, cut) => {
        const whole = bytes('Łódź,東京,né,😀'.repeat(20), 'utf8');
        const head = whole.subarray(0, whole.length - cut);
        const inner = whole.subarray(start, whole.length - cut);
        expect(detectEncoding([head, inner], false)).toMatchObject({ encoding: 'utf-8', invalidBytes: false });
      }),
    );
  });
});

describe('decodeSample', () => {
  it('reads the characters that Windows-1252 has and Latin-1 has not', () => {
    expect(decodeSample(Buffer.of(0x80, 0x93, 0xe9), 'windows-1252')).toBe('€“é');
    expect(decodeSample(Buffer.of(0xe9), 'latin-1')).toBe('é');
  });

  it('keeps offsets: no mark is dropped', () => {
    expect(decodeSample(bytes('\ufeffa', 'utf8'), 'utf-8')).toBe('\ufeffa');
  });
});
