import { createHash } from 'node:crypto';
import { parse as parsePath } from 'node:path';
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  type YAMLError,
} from 'yaml';
import { BadDataset, OutputInsideSource } from '../errors.ts';
import { DATASET_NAME_MAX_LENGTH } from '../limits.ts';
import type { Places } from '../ports/ports.ts';
import { checkDefinition } from './check.ts';
import { type Dataset, DatasetDefinition, isDatasetName, MIRROR_DATABASE, type ParsedDefinition } from './dataset.ts';
import { checkPlaces } from './places.ts';
import { type KeyPath, type Problem, pathText, problemsOf, valueAt } from './problems.ts';

/** A problem with its place in the file. */
export interface PlacedProblem {
  /** The whole sentence, place and hint included. */
  text: string;
  path: KeyPath;
  /** From 1; undefined in an inline definition. */
  line?: number;
  column?: number;
}

export interface Inspected {
  /** Undefined where there are problems. */
  dataset: Dataset | undefined;
  problems: PlacedProblem[];
}

/** The data set of a YAML file; `BadDataset` names every problem with file, line and column. */
export function loadDatasetFile(text: string, fileName: string): Dataset {
  return unwrap(inspectDatasetFile(text, fileName), fileName);
}

/**
 * The data set of a YAML file and all that is wrong with it, in the order of the file. With the buckets of a deployment,
 * that its outputs would land inside its source is among it.
 */
export function inspectDatasetFile(text: string, fileName: string, places?: Places): Inspected {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    logLevel: 'error',
    // Definitions are JSON in nature: a tag such as !!binary would make values that no key takes.
    resolveKnownTags: false,
  });
  const place = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const refused = [...document.errors, ...document.warnings];
  if (refused.length > 0) {
    const problems = refused.map((error) => {
      const at = place(error.pos[0]);
      const message = syntaxMessage(error, text);
      return { text: `${message} at ${fileName}:${at.line}:${at.column}`, path: [], ...at };
    });
    return { dataset: undefined, problems };
  }
  const found = inspectDocument(document, parsePath(fileName).name);
  if (found.dataset !== undefined && places !== undefined) found.problems.push(...placeProblems(found.dataset, places));
  const problems = found.problems.map((problem) => {
    const at = place(offsetOf(document, problem));
    return { text: textOf(problem, `at ${fileName}:${at.line}:${at.column}`), path: problem.path, ...at };
  });
  problems.sort((one, other) => one.line - other.line || one.column - other.column);
  return { dataset: problems.length === 0 ? found.dataset : undefined, problems };
}

function inspectDocument(document: Document, name: string): Found {
  let value: unknown;
  try {
    value = document.toJS();
  } catch (error) {
    // An alias of nothing, or of so much that it can only be meant to do harm.
    if (!(error instanceof ReferenceError)) throw error;
    return { dataset: undefined, problems: [{ message: sentence(error.message), path: [] }] };
  }
  return inspect(value, name);
}

function placeProblems(dataset: Dataset, places: Places): Problem[] {
  try {
    checkPlaces(dataset, places);
    return [];
  } catch (error) {
    if (error instanceof OutputInsideSource) return [{ message: error.message, path: ['source', 'prefix'] }];
    if (error instanceof BadDataset) return [{ message: error.message, path: ['target', 'path'] }];
    throw error;
  }
}

/**
 * The data set of a definition that is an object already. `where` is what messages call the place of it, such as `the
 * input`. Without a name it is called by its table.
 */
export function parseDataset(value: unknown, where: string): Dataset {
  const { dataset, problems } = inspect(value, undefined);
  const placed = problems.map((problem) => ({ text: textOf(problem, `in ${where}`), path: problem.path }));
  return unwrap({ dataset, problems: placed }, where);
}

interface Found {
  dataset: Dataset | undefined;
  problems: Problem[];
}

function inspect(value: unknown, fallbackName: string | undefined): Found {
  if (value === null || value === undefined) {
    return { dataset: undefined, problems: [{ message: 'the definition is empty', path: [] }] };
  }
  const lost = lostColumns(value);
  if (lost.length > 0) return { dataset: undefined, problems: lost };
  const parsed = DatasetDefinition.safeParse(value);
  if (!parsed.success) {
    const problems = problemsOf(parsed.error.issues, value);
    return { dataset: undefined, problems: [...problems, ...checkRest(value, problems)] };
  }
  const problems = checkDefinition(parsed.data);
  const dataset = withNames(parsed.data, fallbackName);
  if (!isDatasetName(dataset.name)) {
    const message = `the name "${dataset.name}" must be lower-case letters, digits, - and _`;
    problems.push({ message, hint: 'say name: … in the file, or rename the file', path: [] });
  }
  return { dataset: problems.length === 0 ? dataset : undefined, problems };
}

/** What else is wrong with a definition in which types are: it is checked without the parts that have been told. */
function checkRest(value: unknown, told: Problem[]): Problem[] {
  const rest: unknown = structuredClone(value);
  for (const { path } of told) prune(rest, path);
  const parsed = DatasetDefinition.safeParse(rest);
  const pathsTold = told.map(({ path }) => pathText(path));
  return parsed.success ? checkDefinition(parsed.data).filter(({ path }) => !pathsTold.includes(pathText(path))) : [];
}

/** Takes away what a path leads to; of a list the whole, so that the places of others in it stay right. */
function prune(root: unknown, path: KeyPath): void {
  const list = path.findIndex((part) => typeof part === 'number');
  const whole = list < 0 ? path : path.slice(0, list);
  const parent = valueAt(root, whole.slice(0, -1));
  if (whole.length > 0 && typeof parent === 'object' && parent !== null) {
    delete (parent as Record<string, unknown>)[String(whole.at(-1))];
  }
}

/** The one name that an object of columns cannot hold: it would be lost without a word. */
function lostColumns(value: unknown): Problem[] {
  const schema = (value as { schema?: unknown }).schema;
  const holders = Array.isArray(schema) ? schema : [schema];
  const lost = holders.some((item) => typeof item === 'object' && item !== null && Object.hasOwn(item, '__proto__'));
  if (!lost) return [];
  return [{ message: 'schema cannot give the column "__proto__" a type; list it by its name alone', path: ['schema'] }];
}

function withNames(definition: ParsedDefinition, fallbackName: string | undefined): Dataset {
  const { target } = definition;
  const database = target.database ?? MIRROR_DATABASE;
  const byTable = target.table === undefined ? database : `${database}-${target.table}`;
  const name = definition.name ?? fallbackName ?? datasetNameFrom(byTable);
  const table = target.table ?? name.replaceAll('-', '_');
  return { ...definition, name, target: { ...target, database, table } };
}

/** A data set's name that is like a text; the same for the same text, and for a longer one with a hash to tell it apart. */
export function datasetNameFrom(text: string): string {
  const name = text
    .toLowerCase()
    .replace(/[^a-z0-9_-]+/g, '-')
    .replace(/^[^a-z0-9]+/, '');
  if (name.length <= DATASET_NAME_MAX_LENGTH) return name;
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 8);
  return `${name.slice(0, DATASET_NAME_MAX_LENGTH - hash.length - 1)}-${hash}`;
}

function unwrap(inspected: Inspected, where: string): Dataset {
  const { dataset, problems } = inspected;
  if (dataset !== undefined) return dataset;
  const [first] = problems;
  const place = first?.line === undefined ? where : `${where}:${first.line}:${first.column}`;
  const list = problems.length === 1 ? ` ${first!.text}` : problems.map(({ text }) => `\n- ${text}`).join('');
  const count = problems.length === 1 ? '' : ` ${problems.length} problems`;
  throw new BadDataset(`Cannot use the data set in ${where}:${count}${list}`, { where: place });
}

function textOf(problem: Problem, place: string): string {
  // A key that is unknown, or a grammar's own message, does not say where in the definition it stands.
  const path = pathText(problem.path);
  const known = path === '' || problem.message.startsWith(path) || problem.message.endsWith(`"${path}"`);
  const named = known ? '' : ` (${path})`;
  return `${problem.message} ${place}${named}${problem.hint === undefined ? '' : `; ${problem.hint}`}`;
}

function syntaxMessage(error: YAMLError, text: string): string {
  if (error.code === 'MULTIPLE_DOCS') return 'a file has one data set, but here begins another document';
  if (error.code !== 'DUPLICATE_KEY') return sentence(error.message);
  return `the key "${/^[^:\s]+/.exec(text.slice(error.pos[0]))?.[0] ?? ''}" is there twice`;
}

function sentence(message: string): string {
  return message.replace(/\.$/, '').replace(/^./, (letter) => letter.toLowerCase());
}

/** Where the problem's key or value begins in the text; of what is not there, the nearest thing around it that is. */
function offsetOf(document: Document, problem: Problem): number {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? 0;
  problem.path.forEach((part, depth) => {
    const found = step(document, node, part);
    if (found === undefined) {
      node = undefined;
      return;
    }
    node = found.value;
    const last = depth === problem.path.length - 1;
    offset = (last && !problem.ofKey ? startOf(found.value) : undefined) ?? startOf(found.key) ?? offset;
  });
  return offset;
}

function step(document: Document, node: unknown, part: string | number): { key: unknown; value: unknown } | undefined {
  const target = isAlias(node) ? node.resolve(document) : node;
  if (isMap(target)) {
    const pair = target.items.find(({ key }) => String(isScalar(key) ? key.value : key) === String(part));
    return pair && { key: pair.key, value: pair.value };
  }
  if (isSeq(target) && typeof part === 'number' && part < target.items.length) {
    return { key: target.items[part], value: target.items[part] };
  }
  return undefined;
}

function startOf(node: unknown): number | undefined {
  return (node as Node | null | undefined)?.range?.[0];
}
