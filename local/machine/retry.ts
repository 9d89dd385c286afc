import type { Catcher, Retrier } from './definition.ts';
import type { StateFailure } from './failure.ts';

/** What a retrier is when it does not say: Step Functions' own defaults. */
const DEFAULTS = { IntervalSeconds: 1, BackoffRate: 2, MaxAttempts: 3 };

/** The first guard, in order, whose names take the failure in; none takes a terminal one. */
export function guardFor(guards: { ErrorEquals: string[] }[], failure: StateFailure): number | undefined {
  if (failure.terminal) return undefined;
  const index = guards.findIndex((guard) => guard.ErrorEquals.some((name) => takesIn(name, failure.name)));
  return index === -1 ? undefined : index;
}

/**
 * The retrier for a failure, or undefined once it has used up its attempts: then no later one is asked.
 * @param used attempts that each retrier has made in this visit of the state; the chosen one's is counted here
 */
export function retrierFor(retriers: Retrier[], failure: StateFailure, used: number[]): number | undefined {
  const index = guardFor(retriers, failure);
  if (index === undefined) return undefined;
  const made = used[index] ?? 0;
  if (made >= (retriers[index]?.MaxAttempts ?? DEFAULTS.MaxAttempts)) return undefined;
  used[index] = made + 1;
  return index;
}

/** Seconds before a retrier's nth attempt (from 1); `random` in [0, 1) draws where it has FULL jitter. */
export function retryDelaySeconds(retrier: Retrier, attempt: number, random: () => number): number {
  const interval = retrier.IntervalSeconds ?? DEFAULTS.IntervalSeconds;
  const grown = interval * (retrier.BackoffRate ?? DEFAULTS.BackoffRate) ** (attempt - 1);
  const capped = Math.min(grown, retrier.MaxDelaySeconds ?? Number.POSITIVE_INFINITY);
  return retrier.JitterStrategy === 'FULL' ? capped * random() : capped;
}

export function catcherFor(catchers: Catcher[], failure: StateFailure): number | undefined {
  return guardFor(catchers, failure);
}

function takesIn(pattern: string, name: string): boolean {
  if (pattern === 'States.ALL') return true;
  if (pattern === 'States.TaskFailed') return name !== 'States.Timeout';
  return pattern === name;
}
