/** The paths, templates and plain values that the local machine reads as Step Functions does; see support.ts. */

export type Fields = Record<string, unknown>;
/** Told of each field that cannot run, with its path in the definition. */
export type Report = (path: string, problem: string) => void;

const NAMES = '(?:\\.[A-Za-z_][A-Za-z0-9_]*|\\[\\d+\\])*';
const REFERENCE_PATH = new RegExp(`^\\$${NAMES}$`);
/** `ResultPath` writes: the interpreter builds arrays otherwise than AWS, so names only. */
const RESULT_PATH = /^\$(?:\.[A-Za-z_][A-Za-z0-9_]*)*$/;
const CONTEXT_PATH = new RegExp(
  `^\\$\\$\\.(?:Execution\\.(?:Id|Name|StartTime|Input${NAMES})|State\\.(?:Name|EnteredTime|RetryCount)|StateMachine\\.(?:Id|Name)|Task\\.Token)$`,
);
const ITEM_PATH = new RegExp(`^\\$\\$\\.Map\\.Item\\.(?:Index|Value${NAMES})$`);
/** The one intrinsic that is needed. The interpreter drops backslashes from its result, so none may stand in the text. */
const FORMAT = /^States\.Format\('([^'\\$]*)'((?:,\s*\$[^,()\s]+)*)\)$/;

/** A `Parameters`, `ResultSelector` or `ItemSelector`; only the last knows `$$.Map.Item`. */
export function checkTemplate(value: unknown, at: string, report: Report, inSelector = false): void {
  if (!fieldsOf(value)) {
    report(at, 'is not a mapping');
    return;
  }
  for (const [key, inner] of Object.entries(value as Fields)) {
    const where = pathTo(at, key);
    if (key.startsWith('Fn::')) report(where, 'is a reference that only a Resource may have');
    else if (key.endsWith('.$')) expression(inner, where, report, inSelector);
    else if (key.includes('.$')) report(where, 'has .$ in the middle of its name');
    else if (fieldsOf(inner)) checkTemplate(inner, where, report, inSelector);
    else if (Array.isArray(inner)) checkList(inner, where, report, inSelector);
  }
}

/** Of plain values or of mappings: the interpreter evaluates neither, and lower.ts the mappings of a Task. */
function checkList(items: unknown[], at: string, report: Report, inSelector: boolean): void {
  items.forEach((item, i) => {
    if (fieldsOf(item) && !inSelector) checkTemplate(item, `${at}[${i}]`, report);
    else if (typeof item === 'object' && item !== null) report(`${at}[${i}]`, 'is more than a plain value');
  });
}

function expression(value: unknown, at: string, report: Report, inSelector: boolean): void {
  const text = String(value);
  if (REFERENCE_PATH.test(text) || CONTEXT_PATH.test(text)) return;
  if (ITEM_PATH.test(text)) {
    if (!inSelector) report(at, `${text} is known in an ItemSelector only`);
    return;
  }
  const format = FORMAT.exec(text);
  if (!format) {
    report(at, `${show(value)} is not supported`);
    return;
  }
  const values = (format[2] ?? '').split(',').slice(1);
  for (const path of values) expression(path.trim(), at, report, inSelector);
  const holes = (format[1] ?? '').split('{}').length - 1;
  if (holes !== values.length) report(at, `has ${holes} {} for ${values.length} values`);
}

export function checkReferencePath(value: unknown, at: string, report: Report): void {
  if (typeof value !== 'string' || !REFERENCE_PATH.test(value))
    report(at, `${show(value)} is not a path that is supported`);
}

export function checkResultPath(value: unknown, at: string, report: Report): void {
  if (value === undefined || value === null) return;
  if (typeof value !== 'string' || !RESULT_PATH.test(value))
    report(at, `${show(value)} is not a path that is supported`);
}

export function checkWithin(value: unknown, least: number, most: number, at: string, report: Report): void {
  if (value === undefined) return;
  if (!Number.isInteger(value) || (value as number) < least || (value as number) > most) {
    report(at, `is ${show(value)} where ${least} to ${most} is meant`);
  }
}

export function checkKnown(fields: Fields, known: string[], at: string, report: Report): void {
  for (const key of Object.keys(fields)) if (!known.includes(key)) report(pathTo(at, key), 'is not supported');
}

export function fieldsOf(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}

export function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

export function pathTo(...path: string[]): string {
  return path.filter((part) => part !== '').join('.');
}

export function show(value: unknown): string {
  return value === undefined ? 'missing' : JSON.stringify(value);
}
