import { BadRequest } from '../errors.ts';

/** Overrides as people write them: dotted paths, `--set k=v`, JSON; and how they go over a definition. */

export type Settings = Record<string, unknown>;

export function isSettings(value: unknown): value is Settings {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `target.mode=append` → its path and value; the value is JSON where it reads as JSON, else text. */
export function parseSetting(text: string): { key: string; value: unknown } {
  const equals = text.indexOf('=');
  if (equals < 1) throw new BadRequest(`"${text}" is no setting; say key=value, such as target.mode=append`);
  const written = text.slice(equals + 1);
  return { key: text.slice(0, equals).trim(), value: jsonOrText(written) };
}

/**
 * An execution's input as the command line makes it: `--input`'s JSON object, then each `--set`, then the data set's name.
 * Throws `BadRequest` for what is no object or no setting, and where two of them name different data sets.
 */
export function buildInput(from: { dataset?: string; input?: string; set?: readonly string[] }): Settings {
  const input = from.input === undefined ? {} : parseInput(from.input);
  const settings = (from.set ?? []).map(parseSetting);
  const merged = settings.reduce((all, { key, value }) => joinSettings(all, expand(key, value)), expandDotted(input));
  if (from.dataset === undefined) return merged;
  if (merged['dataset'] !== undefined && merged['dataset'] !== from.dataset) {
    const named = JSON.stringify(merged['dataset']);
    throw new BadRequest(`The command names the data set "${from.dataset}", its input ${named}`);
  }
  return { ...merged, dataset: from.dataset };
}

function parseInput(json: string): Settings {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw new BadRequest(`Cannot parse the input as JSON: ${(error as Error).message}`, { cause: error });
  }
  if (!isSettings(value)) throw new BadRequest('The input must be a JSON object, such as {"data_ref": "20240105"}');
  return value;
}

/** `{"target.mode": "append"}` → `{"target": {"mode": "append"}}`, at the outermost level only. */
export function expandDotted(input: Settings): Settings {
  return Object.entries(input).reduce<Settings>((all, [key, value]) => joinSettings(all, expand(key, value)), {});
}

function expand(key: string, value: unknown): Settings {
  const path = key.split('.');
  if (path.some((part) => part === '')) throw new BadRequest(`"${key}" is no key: a part of it is empty`);
  return path.reduceRight<unknown>((inner, part) => Object.fromEntries([[part, inner]]), value) as Settings;
}

/**
 * One definition over another: mappings are merged key by key, everything else is replaced, and null takes a key away, so
 * that its default holds. `schema` is replaced whole, since the order of its columns counts, and so are an algorithm's
 * `params`, which mean nothing to another.
 */
export function mergeSettings(base: Settings, over: Settings): Settings {
  return merge(base, over, false);
}

/** The same of two sets of overrides, in which a null is kept: it is still to take something away. */
export function joinSettings(base: Settings, over: Settings): Settings {
  return merge(base, over, true);
}

const WHOLE: ReadonlySet<string> = new Set(['schema', 'params']);

function merge(base: Settings, over: Settings, keepNull: boolean): Settings {
  const merged = new Map(Object.entries(base));
  for (const [key, value] of Object.entries(over)) {
    const before = merged.get(key);
    if (value === null && !keepNull) merged.delete(key);
    else if (isSettings(value))
      merged.set(key, merge(!WHOLE.has(key) && isSettings(before) ? before : {}, value, keepNull));
    else merged.set(key, value);
  }
  // Not by assignment: that would take a key named __proto__ for the prototype.
  return Object.fromEntries(merged);
}

/** The value that a text is in JSON, else the text. */
export function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // Not an error: most values are plain words.
    return text;
  }
}
