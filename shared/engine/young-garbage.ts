import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

type Collect = (options: { type: 'minor'; execution: 'sync' }) => void;

let collect: Collect | undefined;

/**
 * Has V8 look through the objects made last, some milliseconds. The engine's chunks are freed only when their JavaScript objects are
 * found to be garbage; these are tiny, so V8 sees no reason to look, while the memory behind them grows by some hundred MB.
 */
export function collectYoungGarbage(): void {
  if (!collect) {
    setFlagsFromString('--expose-gc');
    // The flag holds for contexts made from now on.
    collect = runInNewContext('gc') as Collect;
  }
  collect({ type: 'minor', execution: 'sync' });
}
