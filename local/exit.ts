/** Exit codes: distinct, and documented in the README. */
export const EXIT = {
  /** Done; nothing to load and objects quarantined within the tolerance included. */
  done: 0,
  /** The run failed. */
  failed: 1,
  /** Wrong usage, or a wrong data set or request: nothing ran. */
  usage: 2,
  interrupted: 130,
} as const;

const USAGE_ERRORS = new Set(['BadDataset', 'UnknownDataset', 'BadRequest', 'OutputInsideSource', 'BadDefinition']);

/** The exit code that an error's name stands for. */
export function exitCodeOf(name: string): number {
  return USAGE_ERRORS.has(name) ? EXIT.usage : EXIT.failed;
}
