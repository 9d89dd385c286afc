/**
 * What a single field looks like, coarsely: enough to see that a split makes sense. The kinds follow van den Burg et al.,
 * "Wrangling messy CSV files by detecting row and type patterns" (Data Mining and Knowledge Discovery 33, 2019, section 4.2).
 */
export type CellKind = 'empty' | 'number' | 'date' | 'time' | 'word' | 'text' | 'address' | 'missing' | 'odd';

/** Kinds that chance does not make: a split that yields them is right more often than one that yields words. */
export const SPECIFIC: ReadonlySet<CellKind> = new Set<CellKind>(['number', 'date', 'time', 'address']);

const NUMBER =
  /^[-+(]?(?:[$€£¥]\s?)?(?:\d{1,3}(?:[,. ' ]\d{3})+(?:[.,]\d+)?|\d+(?:[.,]\d+)?|[.,]\d+)(?:[eE][-+]?\d+)?\)?(?:\s?[%€$£¥])?$/;
const DATE =
  /^(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](?:\d{4}|\d{2})|\d{1,2}[ -][A-Za-z]{3,9}[ -]\d{2,4}|[A-Za-z]{3,9}\.? \d{1,2},? \d{4})(?:[T ,]{1,2}\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?: ?[AaPp][Mm])?(?: ?(?:Z|UTC|[-+]\d{2}:?\d{0,2}))?)?$/;
const TIME = /^\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?: ?[AaPp]\.?[Mm]\.?)?$/;
const ADDRESS =
  /^(?:[a-z][a-z0-9+.-]*:\/\/\S+|www\.\S+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+|\d{1,3}(?:\.\d{1,3}){3}(?:[:/]\d+)?|(?:[\da-f]{2}[:-]){5}[\da-f]{2}|[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12})$/i;
const MISSING = /^(?:n\/?a|#n\/a|nan|null|none|nil|\\n|-+|\?|\.)$/i;
const WORD = /^[\p{L}\p{N}][\p{L}\p{N}\p{M}_.-]*$/u;
/** Text of words and the punctuation of names, addresses and sentences; no likely delimiters, brackets or quotes at its ends. */
const TEXT = /^[\p{L}\p{N}(#*"'“‘¿¡&+.@/-][\p{L}\p{N}\p{M}\p{Sc} _.,:'’"“”()&+/!?#%°*@–—-]*$/u;

/** A whole list or object in brackets, as programs write them: cut in pieces by a comma, none of these is whole. */
const LIST = /^(?:\[[^[\]\t]*\]|\{[^{}\t]*\})$/;

/** Kind of an unquoted field's trimmed text. */
export function cellKind(text: string): CellKind {
  if (text === '') return 'empty';
  const first = text.charCodeAt(0);
  const numeric = (first >= 48 && first <= 57) || first < 48 || first > 0x7f;
  if (numeric) {
    if (NUMBER.test(text)) return 'number';
    if (DATE.test(text)) return 'date';
    if (TIME.test(text)) return 'time';
  }
  if (MISSING.test(text)) return 'missing';
  if (WORD.test(text)) return 'word';
  if (text.length > 400) return 'text';
  if (ADDRESS.test(text)) return 'address';
  if (!numeric && DATE.test(text)) return 'date';
  return TEXT.test(text) || LIST.test(text) ? 'text' : 'odd';
}
