import { FILE_NAME_MAX_BYTES } from '../limits.ts';

/**
 * How an object's key lies in a folder. A key whose segments are all plain file names lies at exactly that path, so that
 * people and tools find it there. The rest is laid out under names that begin with `.~`:
 *
 *     .~              an empty segment (a leading, trailing or double slash)
 *     .~xTEXT         a segment that is no plain name: `.`, `..`, one with NUL, one that itself begins with `.~`
 *     .~fTEXT         an object whose own name is taken by the folder of the keys below it (`a` beside `a/b`)
 *     .~+TEXT/…       a piece of a segment that is too long for a name; the next piece lies in this folder
 *
 * where `%` and NUL in TEXT are written as `%25` and `%00`. Each key has one such layout and each layout one key; any other
 * name that begins with `.~` is no object (the store's own folders, lock files of office programs).
 */
const MARK = '.~';
const EMPTY = MARK;
const ESCAPED = `${MARK}x`;
const DISPLACED = `${MARK}f`;
const CONTINUED = `${MARK}+`;

/** The store's own folders in each bucket. */
export const SCRATCH_FOLDER = `${MARK}tmp`;
export const LOCKS_FOLDER = `${MARK}locks`;
export const HOLDERS_FOLDER = `${MARK}holders`;

/** The names, from outermost to innermost, under which one segment of a key lies. */
export function segmentNames(segment: string, displaced = false): string[] {
  if (!displaced && isPlainName(segment)) return [segment];
  if (!displaced && segment === '') return [EMPTY];
  const pieces = cut(escapeText(segment), FILE_NAME_MAX_BYTES - CONTINUED.length);
  const last = pieces.pop() ?? '';
  return [...pieces.map((piece) => CONTINUED + piece), (displaced ? DISPLACED : ESCAPED) + last];
}

/** The names of the folder in which the keys `<segments>/…` lie. */
export function folderNames(segments: string[]): string[] {
  return segments.flatMap((segment) => segmentNames(segment));
}

/** A name in a folder, as part of a key's layout. `text` is still escaped, for a piece's text may end inside an escape. */
export interface NamePart {
  text: string;
  kind: 'plain' | 'escaped' | 'displaced' | 'piece';
}

/** What a name in a folder stands for; undefined for one that stands for no part of any key. */
export function parseName(name: string): NamePart | undefined {
  if (!name.startsWith(MARK)) return { text: name, kind: 'plain' };
  const text = name.slice(ESCAPED.length);
  if (name === EMPTY || name.startsWith(ESCAPED)) return { text, kind: 'escaped' };
  if (name.startsWith(DISPLACED)) return { text, kind: 'displaced' };
  if (name.startsWith(CONTINUED)) return { text, kind: 'piece' };
  return undefined;
}

function isPlainName(segment: string): boolean {
  if (segment === '' || segment === '.' || segment === '..') return false;
  if (segment.startsWith(MARK) || segment.includes('\0')) return false;
  // Three bytes are the most that one UTF-16 unit takes, so short names need no counting.
  return segment.length * 3 <= FILE_NAME_MAX_BYTES || Buffer.byteLength(segment) <= FILE_NAME_MAX_BYTES;
}

function escapeText(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\0', '%00');
}

export function unescapeText(text: string): string {
  return text.replaceAll('%00', '\0').replaceAll('%25', '%');
}

/** Pieces of at most so many bytes of UTF-8, never cut inside a character. */
function cut(text: string, maxBytes: number): string[] {
  // As of plain names.
  if (text.length * 3 <= maxBytes) return [text];
  const pieces: string[] = [];
  let piece = '';
  let bytes = 0;
  for (const character of text) {
    const size = Buffer.byteLength(character);
    if (bytes + size > maxBytes) {
      pieces.push(piece);
      piece = '';
      bytes = 0;
    }
    piece += character;
    bytes += size;
  }
  pieces.push(piece);
  return pieces;
}
