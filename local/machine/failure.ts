import { types } from 'node:util';
import { ERROR_CAUSE_MAX_CHARS } from '../../shared/limits.ts';

// Not instanceof: an error may come from another realm, as those of Node's own modules do under Jest.
const { isNativeError } = types;

/** What a state failed of, in the two strings that `Retry`, `Catch` and the execution's result know of it. */
export class StateFailure extends Error {
  /** Lambda's JSON where a function threw, a sentence otherwise. */
  readonly causeText: string;
  /** Neither `Retry` nor `Catch` sees it, not even `States.ALL`: the execution ends. */
  readonly terminal: boolean;

  constructor(name: string, causeText: string, terminal = false) {
    super(causeText);
    this.name = name;
    this.causeText = causeText.slice(0, ERROR_CAUSE_MAX_CHARS);
    this.terminal = terminal;
  }
}

/** The execution was told to stop: no Retry, no Catch, as when it is stopped on AWS. */
export class Interrupted extends Error {
  constructor() {
    super('The execution was stopped');
    this.name = 'Interrupted';
  }
}

/** A function's error the way Lambda hands it to Step Functions: named by `error.name`, the rest JSON in the cause. */
export function functionFailure(error: unknown): StateFailure {
  if (!isNativeError(error)) {
    const cause = { errorType: typeof error, errorMessage: String(error), trace: [] };
    return new StateFailure(cause.errorType, JSON.stringify(cause));
  }
  const cause = { errorType: error.name, errorMessage: error.message, trace: (error.stack ?? '').split('\n') };
  return new StateFailure(error.name, JSON.stringify(cause));
}

/** What the interpreter threw, as a failure: its own `States.…` errors, and whatever a state's work threw through it. */
export function asFailure(error: unknown): StateFailure | Interrupted {
  const inner = isNativeError(error) && error.name === 'ExecutionError' ? error.cause : error;
  if (inner instanceof StateFailure || inner instanceof Interrupted) return inner;
  const { name, message } = isNativeError(inner) ? inner : { name: 'Error', message: String(inner) };
  // Step Functions gives a time-out no cause.
  if (name === 'States.Timeout') return new StateFailure(name, '');
  if (name === 'States.ResultPathMatchFailure') return new StateFailure(name, message);
  // A path that leads nowhere, a Choice without a match: Step Functions calls all of these by one name.
  return new StateFailure('States.Runtime', message, true);
}
