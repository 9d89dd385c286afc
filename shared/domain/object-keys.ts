import { BadInput } from '../errors.ts';
import { KEY_MAX_BYTES } from '../limits.ts';

/** Throws `BadInput` for what no object store takes as a key. */
export function checkKey(key: string, where: string): void {
  if (key === '') throw new BadInput(`Cannot use ${where}: the key is empty`, { where });
  if (!key.isWellFormed()) throw new BadInput(`Cannot use ${where}: the key is not valid Unicode`, { where });
  const bytes = Buffer.byteLength(key);
  if (bytes > KEY_MAX_BYTES) {
    throw new BadInput(`Cannot use ${where}: the key has ${bytes} bytes where at most ${KEY_MAX_BYTES} are allowed`, {
      where,
    });
  }
}

/** Compares two strings in the byte order of their UTF-8, which is an object store's order of keys. */
export function compareUtf8(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const left = a.charCodeAt(i);
    const right = b.charCodeAt(i);
    if (left !== right) return byteRank(left) - byteRank(right);
  }
  return a.length - b.length;
}

/** Surrogates stand for characters beyond U+FFFF, whose UTF-8 sorts after that of every other unit. */
function byteRank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}
