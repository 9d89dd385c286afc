/**
 * What a file looks like that is no delimited text. The container formats have readers of their own and come here only by
 * mistake; the rest nobody reads as CSV, and saying what it is saves a search. Signatures that a header could begin with
 * (`ORC`, `BZh`) are left out or taken with what follows them.
 */
const MAGIC: readonly (readonly [name: string, bytes: readonly number[]])[] = [
  ['gzip-compressed data', [0x1f, 0x8b]],
  ['a ZIP archive (or a spreadsheet or document in one)', [0x50, 0x4b, 0x03, 0x04]],
  ['a ZIP archive without entries', [0x50, 0x4b, 0x05, 0x06]],
  ['zstd-compressed data', [0x28, 0xb5, 0x2f, 0xfd]],
  ['xz-compressed data', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ['bzip2-compressed data', [0x42, 0x5a, 0x68, 0x39, 0x31, 0x41, 0x59]],
  ['a 7-Zip archive', [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c]],
  ['Parquet', [0x50, 0x41, 0x52, 0x31]],
  ['Avro', [0x4f, 0x62, 0x6a, 0x01]],
  ['HDF5 or NetCDF-4', [0x89, 0x48, 0x44, 0x46]],
  ['NetCDF', [0x43, 0x44, 0x46, 0x01]],
  ['an old Excel workbook', [0xd0, 0xcf, 0x11, 0xe0]],
  ['a PDF', [0x25, 0x50, 0x44, 0x46, 0x2d]],
  ['a PNG image', [0x89, 0x50, 0x4e, 0x47]],
  ['a JPEG image', [0xff, 0xd8, 0xff]],
  ['a GIF image', [0x47, 0x49, 0x46, 0x38, 0x39, 0x61]],
  ['a SQLite database', [0x53, 0x51, 0x4c, 0x69, 0x74, 0x65, 0x20, 0x66]],
  ['Arrow', [0x41, 0x52, 0x52, 0x4f, 0x57, 0x31, 0x00]],
  ['an ELF binary', [0x7f, 0x45, 0x4c, 0x46]],
  ['a Windows program', [0x4d, 0x5a, 0x90, 0x00]],
  ['UTF-32 text', [0xff, 0xfe, 0x00, 0x00]],
  ['UTF-32 text', [0x00, 0x00, 0xfe, 0xff]],
];

/** Names the binary format by its first bytes. */
export function foreignBytes(head: Uint8Array): string | undefined {
  return MAGIC.find(([, bytes]) => bytes.every((byte, i) => head[i] === byte))?.[0];
}

/** Tab to carriage return are layout; 1–2 and 28–31 serve as delimiters. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const CONTROLS = /[\0\x03-\x08\x0e-\x1b\x7f]/g;

/** Share of control characters above which decoded bytes are no text. */
const CONTROL_SHARE = 0.02;

/** Names the format of a text that is no table of delimited fields. `complete`: `text` is all of it. */
export function foreignText(text: string, complete: boolean): string | undefined {
  const start = text.slice(0, 4096).trimStart();
  if (/^<(!doctype\s+html|html|head|body|table)\b/i.test(start)) return 'HTML';
  if (/^<\?xml\b/i.test(start) || /^<([A-Za-z][\w:.-]*)(\s[^<>]*)?>\s*</.test(start)) return 'XML';
  if (/^\{\\rtf/.test(start)) return 'RTF';
  if (looksLikeJson(start, text, complete)) return 'JSON';
  const beginning = text.slice(0, 64 * 1024);
  const { length } = beginning;
  const controls = beginning.match(CONTROLS)?.length ?? 0;
  return controls > 2 && controls > length * CONTROL_SHARE ? 'binary data' : undefined;
}

function looksLikeJson(start: string, text: string, complete: boolean): boolean {
  if (
    !/^(\{\s*("([^"\\]|\\.)*"\s*:|\})|\[\s*(\{\s*["}]|\[|\]|"([^"\\]|\\.)*"\s*[,\]]|-?\d[\d.eE+-]*\s*[,\]]))/.test(
      start,
    )
  ) {
    return false;
  }
  if (start.startsWith('{') || /^\[\s*\{/.test(start)) return true;
  if (!complete) return !/^\[[^\]\n]*\]\s*[,;\t|]/.test(start);
  try {
    JSON.parse(text);
    return true;
  } catch {
    // not JSON after all: a header such as [id],[name] begins so too
    return false;
  }
}
