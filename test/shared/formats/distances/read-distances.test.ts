import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  type BadLine,
  type DistanceOptions,
  DistanceReader,
} from '../../../../shared/formats/distances/read-distances.ts';

function read(text: string | Uint8Array, options: Partial<DistanceOptions> = {}, cut = 1 << 20) {
  const edges: [number, number, number][] = [];
  const bad: BadLine[] = [];
  const reader = new DistanceReader(
    { within: Number.POSITIVE_INFINITY, integers: false, ...options },
    { edge: (a, b, distance) => edges.push([a, b, distance]), reject: (line) => bad.push(line) },
  );
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += cut) reader.feed(bytes.subarray(at, at + cut));
  const counts = reader.end();
  const keys = Array.from({ length: reader.keys.count }, (_, key) => reader.keys.textOf(key));
  const named = edges.map(([a, b, distance]) => [keys[a], keys[b], distance]);
  return {
    counts,
    keys,
    edges: named,
    bad,
    sorted: (by: 'bytes' | 'integers') => [...reader.keys.sorted(by)].map((key) => keys[key]),
  };
}

describe('a list of distances', () => {
  it('is pairs within reach; keys of the others, and of a pair with itself, are known all the same', () => {
    const { edges, keys, counts } = read('key1,key2,distance\na,b,0.5\nc,d,0.51\ne,e,0\na,c,0\n', { within: 0.5 });
    expect(edges).toEqual([
      ['a', 'b', 0.5],
      ['a', 'c', 0],
    ]);
    expect(keys).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(counts).toMatchObject({ rows: 4, rejected: 0, lines: 5 });
  });

  it('may have no header, other columns in another order, CRLF, a mark, quotes, and no last line end', () => {
    expect(read('a,b,1\r\nc,d,2').edges).toEqual([
      ['a', 'b', 1],
      ['c', 'd', 2],
    ]);
    expect(read('\ufeffdistance,note,KEY2,key1\n3,x,b,a\n').edges).toEqual([['a', 'b', 3]]);
    expect(read('k,l,d\n"a,1","b""2",1e-3\n').edges).toEqual([['a,1', 'b"2', 0.001]]);
    expect(read('').counts).toEqual({ rows: 0, rejected: 0, lines: 0, bytes: 0 });
  });

  it('rejects what is no pair, with its line, its place and the reason', () => {
    const text =
      'key1,key2,distance\na,b\na,b,x\na,b,-1\na,b,\na,b,nan\na,b,1e999\n,b,1\na,,1\na,b,0x10\na,b,1,2\nc,d,1\n\n';
    const { bad, edges, counts } = read(text);
    expect(bad.map(({ line, column }) => [line, column])).toEqual([
      [2, null],
      [3, 'distance'],
      [4, 'distance'],
      [5, 'distance'],
      [6, 'distance'],
      [7, 'distance'],
      [8, 'key1'],
      [9, 'key2'],
      [10, 'distance'],
      [11, null],
    ]);
    for (const { byteOffset, raw } of bad) expect(text.slice(byteOffset).startsWith(`${raw}\n`)).toBe(true);
    expect(bad[1]!.reason).toBe('the distance "x" is not a finite number of at least 0');
    expect(edges).toEqual([['c', 'd', 1]]);
    expect(counts).toMatchObject({ rows: 11, rejected: 10, lines: 13 });
  });

  it('takes keys for whole numbers where it is told to', () => {
    const { keys, bad, sorted } = read('007,10,1\n7,-2,1\nx,1,1\n9007199254740993,7.0,1\n', { integers: true });
    expect(keys).toEqual(['7', '10', '-2', '9007199254740993']);
    expect(sorted('integers')).toEqual(['-2', '7', '10', '9007199254740993']);
    expect(bad.map(({ reason }) => reason)).toEqual(['key1 "x" is no whole number']);
  });

  it('is the same however it is cut into chunks, and every distance to the last bit', () => {
    const key = fc.stringMatching(/^[a-zé0-9_]{1,9}$/);
    const distance = fc.double({ min: 0, max: 1e12, noNaN: true });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(key, key, distance), { maxLength: 30 }),
        fc.integer({ min: 1, max: 40 }),
        (pairs, cut) => {
          const text = `key1,key2,distance\n${pairs.map((pair) => pair.join(',')).join('\n')}`;
          const wanted = pairs.filter(([a, b]) => a !== b);
          const found = read(text, {}, cut);
          expect(found.edges).toEqual(wanted.map(([a, b, d]) => [a, b, d + 0]));
          expect(found.sorted('bytes')).toEqual(
            [...new Set(pairs.flatMap((pair) => pair.slice(0, 2) as string[]))].sort((a, b) =>
              Buffer.compare(Buffer.from(a), Buffer.from(b)),
            ),
          );
          expect(found.counts.rows).toBe(pairs.length);
        },
      ),
    );
  });

  it('keeps many keys apart', () => {
    const lines = Array.from({ length: 20_000 }, (_, i) => `K${i},K${i + 1},${i / 7}`);
    const { keys, edges } = read(lines.join('\n'));
    expect(keys).toEqual(Array.from({ length: 20_001 }, (_, i) => `K${i}`));
    expect(edges[12_345]).toEqual(['K12345', 'K12346', 12_345 / 7]);
  });
});
