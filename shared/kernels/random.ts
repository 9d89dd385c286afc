/**
 * A seeded source of random numbers: the same seed and stream give the same numbers on every machine.
 * Generator: xoshiro128** 1.1 (Blackman and Vigna, Scrambled linear pseudorandom number generators, 2021). Its four words
 * are filled by a Weyl sequence through the finaliser of MurmurHash3 (Appleby), so that near seeds give unrelated streams.
 */
export interface Random {
  /** The next 32 bits, as an unsigned integer. */
  bits(): number;
  /** The next number in [0, 1), with 53 random bits. */
  uniform(): number;
  /** The next integer in [0, bound). */
  below(bound: number): number;
}

/**
 * A generator for `seed` (an integer of 0 … 2³² − 1, as `random_state`) and any number of stream numbers: what
 * belongs to (k, restart) draws the same whoever runs it, and in whatever order.
 * @throws RangeError for a seed or stream that is no integer of 32 bits.
 */
export function random(seed: number, ...stream: number[]): Random {
  let key = 0;
  for (const [position, part] of [seed, ...stream].entries()) {
    if (!Number.isInteger(part) || part < 0 || part > 0xffff_ffff) {
      const what = position === 0 ? 'random_state' : `stream ${position}`;
      throw new RangeError(
        `Cannot seed a generator: ${what} is ${part} where an integer of 0 to ${0xffff_ffff} is expected`,
      );
    }
    key = mix((key + Math.imul(part, 0x9e3779b1) + 0x85ebca6b) | 0);
  }
  const words = [0, 0, 0, 0];
  for (let i = 0; i < 4; i++) {
    key = (key + 0x9e3779b9) | 0;
    words[i] = mix(key);
  }
  return xoshiro128(words[0]!, words[1]!, words[2]!, words[3]!);
}

/** The generator itself, from its four words of state, not all zero. */
export function xoshiro128(s0: number, s1: number, s2: number, s3: number): Random {
  // Words that are all zero would stay zero for ever.
  let a = (s0 | s1 | s2 | s3) === 0 ? 1 : s0;
  let b = s1;
  let c = s2;
  let d = s3;
  const bits = () => {
    const scrambled = Math.imul(b, 5);
    const result = Math.imul((scrambled << 7) | (scrambled >>> 25), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = (d << 11) | (d >>> 21);
    return result;
  };
  const uniform = () => {
    const high = bits() >>> 5;
    return (high * 0x400_0000 + (bits() >>> 6)) / 2 ** 53;
  };
  return { bits, uniform, below: (bound) => Math.floor(uniform() * bound) };
}

/** The finaliser of MurmurHash3: every bit of the word reaches every bit of the result. */
function mix(word: number): number {
  let h = word;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
