import type { z } from 'zod';
import { nearest } from '../domain/nearest.ts';
import { DatasetDefinition } from './dataset.ts';

/** What is wrong with a definition, where in it, and what is said about it: all of it at once, for people. */

export type KeyPath = readonly (string | number)[];

export interface Problem {
  /** Without the place: `unknown key "partitonBy"`. */
  message: string;
  /** What may have been meant, as a question, or nothing. */
  hint?: string;
  path: KeyPath;
  /** The problem is with the key, not with its value. */
  ofKey?: boolean;
}

/** `target.partitionBy[0]`. */
export function pathText(path: KeyPath): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return text === '' ? part : `${text}.${part}`;
  }, '');
}

type Issue = z.core.$ZodIssue;

/** Zod's issues about a value in Sluice's words. */
export function problemsOf(issues: readonly Issue[], value: unknown): Problem[] {
  return issues.flatMap((issue) => problemOf(issue, value));
}

function problemOf(issue: Issue, root: unknown): Problem[] {
  const path = issue.path.map((part) => (typeof part === 'number' ? part : String(part)));
  const value = valueAt(root, path);
  const name = path.length === 0 ? 'the definition' : pathText(path);
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({
        message: `unknown key "${key}"`,
        path: [...path, key],
        ofKey: true,
        ...hintFor(key, path),
      }));
    case 'invalid_union': {
      const inner = closestBranch(issue.errors);
      if (inner) {
        return inner.flatMap((issue) => problemOf({ ...issue, path: [...path, ...issue.path] } as Issue, root));
      }
      return [{ message: `${name} ${issue.message}`, path }];
    }
    case 'invalid_type':
      if (value === undefined) return [{ message: `${name} is missing`, path }];
      return [{ message: `${name} must be ${kindOf(issue.expected)}, not ${shown(value)}`, path }];
    case 'invalid_value': {
      const known = issue.values.map(String);
      const meant = typeof value === 'string' ? nearest(value, known) : undefined;
      const list = issue.values.map((known) => JSON.stringify(known)).join(', ');
      const message = `${name} must be ${issue.values.length > 1 ? 'one of ' : ''}${list}, not ${shown(value)}`;
      return [{ message, path, ...(meant === undefined ? {} : { hint: `did you mean "${meant}"?` }) }];
    }
    case 'too_small':
    case 'too_big': {
      const limit = Number(issue.code === 'too_small' ? issue.minimum : issue.maximum);
      const bound = `${issue.code === 'too_small' ? 'at least' : 'at most'} ${limit}`;
      const one = issue.origin === 'string' ? ' character' : issue.origin === 'array' ? ' item' : '';
      const unit = one === '' || limit === 1 ? one : `${one}s`;
      return [{ message: `${name} must ${unit ? 'have' : 'be'} ${bound}${unit}, not ${shown(value)}`, path }];
    }
    default: {
      const scalar = typeof value !== 'object' || value === null;
      return [{ message: `${name} ${issue.message}${scalar ? `, not ${shown(value)}` : ''}`, path }];
    }
  }
}

/** Of a union's branches the one that the value fits best: that in which only something inside is wrong. */
function closestBranch(branches: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  const depth = (issues: readonly Issue[]): number => Math.min(...issues.map((issue) => depthOf(issue)));
  const [best] = branches
    .filter((issues) => issues.length > 0 && depth(issues) > 0)
    .toSorted((one, other) => depth(other) - depth(one));
  return best;
}

function depthOf(issue: Issue): number {
  if (issue.path.length > 0 || issue.code !== 'invalid_union') return issue.path.length;
  return Math.max(0, ...issue.errors.flat().map((inner) => depthOf(inner)));
}

function hintFor(key: string, path: KeyPath): { hint?: string } {
  const siblings = keysAt(path);
  const meant = nearest(key, siblings) ?? allKeys().find((known) => known.endsWith(`.${key}`));
  return meant === undefined ? {} : { hint: `did you mean "${meant}"?` };
}

/** The keys that a definition may have under a path; none where names are free. */
export function keysAt(path: KeyPath): string[] {
  let schema: z.core.$ZodType | undefined = DatasetDefinition;
  for (const part of path) schema = ownValue(shapeOf(schema), String(part));
  return Object.keys(shapeOf(schema) ?? {});
}

/** Every key of a definition as a dotted path. */
export function allKeys(schema: z.core.$ZodType = DatasetDefinition, prefix = ''): string[] {
  return Object.entries(shapeOf(schema) ?? {}).flatMap(([key, inner]) => [
    `${prefix}${key}`,
    ...allKeys(inner, `${prefix}${key}.`),
  ]);
}

function ownValue<T>(record: Record<string, T> | undefined, key: string): T | undefined {
  return record !== undefined && Object.hasOwn(record, key) ? record[key] : undefined;
}

function shapeOf(schema: z.core.$ZodType | undefined): Record<string, z.core.$ZodType> | undefined {
  const def = schema?._zod.def as { innerType?: z.core.$ZodType; shape?: Record<string, z.core.$ZodType> } | undefined;
  return def?.innerType ? shapeOf(def.innerType) : def?.shape;
}

export function valueAt(root: unknown, path: KeyPath): unknown {
  return path.reduce<unknown>((value, part) => {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    return (value as Record<string | number, unknown>)[part];
  }, root);
}

const KINDS: ReadonlyMap<string, string> = new Map([
  ['string', 'text'],
  ['number', 'a number'],
  ['int', 'a whole number'],
  ['boolean', 'true or false'],
  ['array', 'a list'],
  ['object', 'a mapping of keys'],
  ['record', 'a mapping of keys'],
]);

function kindOf(expected: string): string {
  return KINDS.get(expected) ?? expected;
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object' && value !== null) return 'a mapping of keys';
  if (value === null) return 'nothing';
  return JSON.stringify(value) ?? String(value);
}
