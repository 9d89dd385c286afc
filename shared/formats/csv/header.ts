import { cellKind } from './sniff-cells.ts';
import { type ColumnProfile, profileValues, typeOf } from './types.ts';

export interface HeaderVerdict {
  header: boolean;
  /** 0…1 */
  confidence: number;
  reason: string;
}

/** Log-odds of a header before any evidence: nine files in ten have one (Vitagliano et al., PVLDB 16(8), 2023). */
const PRIOR = Math.log(9);

/**
 * Whether the first row names the columns: by the types of the columns below it (a text above numbers is a name), by
 * its fields being distinct, present and worded like names, and by their not coming back as values.
 *
 * @param first the candidate row
 * @param body rows below it, as many as were sampled
 * @param options.declared names that the data set declares
 * @param options.quotedApart every field of the row is in quotes, and not so below
 */
export function detectHeader(
  first: readonly string[],
  body: readonly (readonly string[])[],
  options: { declared?: readonly string[] | undefined; quotedApart?: boolean } = {},
): HeaderVerdict {
  const { declared } = options;
  if (declared !== undefined && declared.length > 0) {
    const names = new Set(declared.map(plain));
    const known = first.filter((field) => names.has(plain(field))).length;
    if (known >= Math.max(1, first.length / 2)) {
      return {
        header: true,
        confidence: 0.99,
        reason: `header: ${known} of its ${first.length} fields are declared names`,
      };
    }
  }
  if (body.length === 0) {
    const names =
      first.some((field) => field.trim() !== '') &&
      first.every((field) => field.trim() === '' || looksLikeName(field)) &&
      new Set(first.map(plain)).size === first.length;
    return names
      ? { header: true, confidence: 0.6, reason: 'header: the only row reads like names' }
      : { header: false, confidence: 0.6, reason: 'no header: the only row reads like values' };
  }
  let odds = PRIOR;
  let namedOverTyped = 0;
  let typedLikeBody = 0;
  let against = 0;
  let comesBack = 0;
  /** Whole numbers above columns of decimals alone. */
  let keys = 0;
  let unlike = 0;
  for (let c = 0; c < first.length; c++) {
    const field = first[c]!.trim();
    const values = body.map((row) => row[c] ?? '');
    const own = profileValues([field]);
    const under = profileValues(values);
    const below = typeOf(under).type;
    if (field === '') {
      // row names have no name of their own, but elsewhere a header leaves out few
      odds += c === 0 && first.length > 2 && values.every((value) => value.trim() !== '') ? 1.5 : -0.3;
      continue;
    }
    const type = typeOf(own).type;
    if (below !== 'string') {
      if (type === below || (isNumber(own) && isNumeric(below)) || (below === 'boolean' && isBoolean(own))) {
        const odd = /^(19|20)\d\d$/.test(field) ? 2 : own.integers > 0 ? 6 : 7;
        against += odd;
        if (own.integers > 0 && values.length > 1 && isDecimal(under)) {
          keys++;
          unlike += odd - 2;
        }
        typedLikeBody++;
      } else if (isText(own)) {
        namedOverTyped++;
        odds += 3;
      }
      continue;
    }
    if (!isText(own)) {
      if (under.empty === under.values) {
        against += 4;
        continue;
      }
      // a number or date above text names nothing, least of all above digits that are kept as text
      const digits = values.every((value) => value === '' || /^\d+$/.test(value));
      odds -= digits ? 4 : 1.5;
      continue;
    }
    const present = values.filter((value) => value !== '');
    const again = present.some((value) => value.trim() === field);
    if (again) {
      comesBack++;
      odds -= 2;
    } else if (present.length >= 2) {
      odds += evidenceOfShape(field, present);
    }
    odds += looksLikeName(field) ? 0.3 : -0.7;
  }
  // columns of numbers are not independent witnesses
  const steps = numbersInSteps(first) && !body.slice(0, 5).some((row) => numbersInSteps(row));
  if (steps) odds += 3;
  // beside names, numbers unlike those below are keys that are columns' names
  else if (namedOverTyped > 0 && keys === typedLikeBody) odds -= Math.min(9, against - unlike);
  else odds -= Math.min(9, against);
  const distinct = new Set(first.map((field) => plain(field))).size === first.length;
  if (!distinct) odds -= 1;
  if (options.quotedApart) odds += 7;
  const confidence = 1 / (1 + Math.exp(-Math.abs(odds)));
  if (odds > 0) {
    const why =
      namedOverTyped > 0
        ? `${namedOverTyped} of its ${first.length} fields are text above columns that are not`
        : 'its fields are distinct and read like names';
    return { header: true, confidence, reason: `header: ${why}` };
  }
  const why =
    typedLikeBody > 0
      ? `${typedLikeBody} fields of the first row are values like those below`
      : comesBack > 0
        ? `${comesBack} fields of the first row come back further down`
        : 'the first row reads like values';
  return { header: false, confidence, reason: `no header: ${why}` };
}

/** A field of another length or make than every value below it: words above codes, capitals above sentences. */
function evidenceOfShape(field: string, values: readonly string[]): number {
  let shortest = Number.POSITIVE_INFINITY;
  let longest = 0;
  let digits = 0;
  for (const value of values) {
    if (value.length < shortest) shortest = value.length;
    if (value.length > longest) longest = value.length;
    if (/\d/.test(value)) digits++;
  }
  let odds = 0;
  if (values.length < 5) {
    // too few to show their lengths
  } else if (shortest === longest) odds += field.length === shortest ? -1 : 2;
  else if (field.length < shortest || field.length > longest) odds += 0.7;
  if (digits === values.length) {
    const shapes = new Set(values.map(shape));
    if (shapes.size === 1) odds += shapes.has(shape(field)) ? -2.5 : 1;
    else odds += /\d/.test(field) ? -0.7 : 1;
  }
  const kind = cellKind(field);
  if (kind === 'word' && values.every((value) => cellKind(value.trim()) !== 'word')) odds += 0.7;
  return odds;
}

/** AB-1204 → A-9: letters and digits by kind, in runs. */
function shape(text: string): string {
  return text
    .trim()
    .replace(/\p{L}+/gu, 'A')
    .replace(/\d+/g, '9');
}

function looksLikeName(field: string): boolean {
  const text = field.trim();
  return (
    text !== '' && text.length <= 64 && /^[\p{L}_#%$€£*(["'@]/u.test(text) && !/[.!?]\s+\p{L}.*\p{L}{3}/u.test(text)
  );
}

/** 2010, 2011, 2012, … or 1, 2, 3, …: at least three numbers of one step, as in a table with a column a year. */
function numbersInSteps(first: readonly string[]): boolean {
  const numbers = first.filter((field) => /^\d{1,4}$/.test(field.trim())).map(Number);
  if (numbers.length < 3 || numbers.length < first.length - 4) return false;
  const step = numbers[1]! - numbers[0]!;
  return step !== 0 && numbers.every((value, i) => i === 0 || value - numbers[i - 1]! === step);
}

function isText(profile: ColumnProfile): boolean {
  return profile.texts > 0 || isBoolean(profile);
}

function isBoolean(profile: ColumnProfile): boolean {
  return Object.keys(profile.booleans).length > 0;
}

function isNumber(profile: ColumnProfile): boolean {
  return profile.integers + profile.decimals + profile.floats > 0;
}

/** Numbers with digits after the decimal sign, and no others. */
function isDecimal(profile: ColumnProfile): boolean {
  return profile.decimals > 0 && profile.integers + profile.floats === 0;
}

function isNumeric(type: string): boolean {
  return type === 'bigint' || type === 'double' || type.startsWith('decimal');
}

/** Case, spaces and punctuation aside. */
function plain(field: string): string {
  return field.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '_');
}
