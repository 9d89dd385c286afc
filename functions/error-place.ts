import { types } from 'node:util';
import { SluiceError } from '../shared/errors.ts';

const MARK = '    where: ';

/**
 * Lambda hands on three things of an error: its name, its message and its stack by lines. So what else is to be known of
 * it, where it happened, stands in the stack's last line.
 */
export function withPlace(error: unknown): unknown {
  if (!types.isNativeError(error) || !(error instanceof SluiceError) || error.where === undefined) return error;
  if (placeIn(error.stack?.split('\n')) === undefined) error.stack += `\n${MARK}${JSON.stringify(error.where)}`;
  return error;
}

/** Where the error happened, from the lines of its stack; undefined where they do not tell. */
export function placeIn(trace: unknown): string | undefined {
  if (!Array.isArray(trace)) return undefined;
  const last: unknown = trace.at(-1);
  return typeof last === 'string' && last.startsWith(MARK)
    ? (JSON.parse(last.slice(MARK.length)) as string)
    : undefined;
}
