import { setTimeout as sleep } from 'node:timers/promises';
import type { DeployedMachine, Happening } from '../../shared/adapters/sfn-deployed.ts';
import { buildInput } from '../../shared/dataset/settings.ts';
import { FOLLOW_POLL_MS } from '../../shared/limits.ts';
import type { Invocation } from '../cli.ts';
import { colours as pc } from '../colours.ts';
import { EXIT } from '../exit.ts';
import type { MachineEvent } from '../machine/events.ts';
import { type Progress, progress } from '../progress.ts';

/** `sluice start` and `sluice follow`: executions of the deployed state machine, watched as those here are. */

export interface DeployedOptions {
  stage: string;
  region?: string;
}

export async function start(
  at: Invocation,
  dataset: string,
  options: DeployedOptions & { input?: string; set: string[]; follow: boolean },
): Promise<number> {
  const machine = await deployed(options);
  const { input, set } = options;
  const execution = await machine.start(buildInput({ dataset, set, ...(input === undefined ? {} : { input }) }));
  if (options.follow) return followExecution(at, machine, execution);
  if (at.output.json) at.output.out(JSON.stringify({ execution }));
  else at.output.out(execution);
  return EXIT.done;
}

export async function follow(at: Invocation, execution: string, options: DeployedOptions): Promise<number> {
  return followExecution(at, await deployed(options), execution);
}

/** Shows an execution until it ends; 0 where it succeeded. Interrupting stops the watching, not the execution. */
export async function followExecution(
  at: Invocation,
  machine: DeployedMachine,
  execution: string,
  pause: (signal: AbortSignal) => Promise<boolean> = pollPause,
): Promise<number> {
  const shown = progress({ stream: process.stderr, tty: at.tty, quiet: at.output.quiet });
  const watch = new Watch(machine, execution, shown);
  try {
    for (;;) {
      const { status, error, cause } = await machine.status(execution);
      await watch.catchUp();
      if (status !== 'RUNNING') {
        shown.stop();
        if (at.output.json) at.output.out(JSON.stringify({ execution, status, error, cause }));
        else if (status === 'SUCCEEDED') at.output.out(`${pc.green('succeeded')} ${execution}`);
        else at.output.out(`${pc.red(status.toLowerCase().replace('_', ' '))} ${error ?? ''} ${cause ?? ''}`.trimEnd());
        return status === 'SUCCEEDED' ? EXIT.done : EXIT.failed;
      }
      if (!(await pause(at.signal))) return EXIT.interrupted;
    }
  } finally {
    shown.stop();
  }
}

/** What was told of an execution, and what is to be told next. */
class Watch {
  readonly #machine: DeployedMachine;
  readonly #execution: string;
  readonly #shown: Progress;
  #last = 0;
  /** The Map that is under way, and how many of its items were told of. */
  #map: { state: string; arn: string; told: number; started: boolean } | undefined;

  constructor(machine: DeployedMachine, execution: string, shown: Progress) {
    this.#machine = machine;
    this.#execution = execution;
    this.#shown = shown;
  }

  async catchUp(): Promise<void> {
    for (const happening of await this.#machine.happenings(this.#execution, this.#last)) {
      this.#last = happening.id;
      await this.#tell(happening);
    }
    await this.#tellItems(new Date());
  }

  async #tell({ what, state, kind, at, mapRunArn }: Happening): Promise<void> {
    if (what === 'map') this.#map = { state, arn: mapRunArn!, told: 0, started: false };
    else if (what === 'entered') this.#emit(at, { type: 'StateEntered', state, stateType: kind });
    else {
      if (this.#map?.state === state) {
        await this.#tellItems(at);
        this.#map = undefined;
      }
      this.#emit(at, { type: 'StateExited', state, stateType: kind });
    }
  }

  /** Items of the Map that ended meanwhile. */
  async #tellItems(at: Date): Promise<void> {
    const map = this.#map;
    if (map === undefined) return;
    const { total, succeeded, failed } = await this.#machine.mapRun(map.arn);
    if (!map.started && total > 0) {
      map.started = true;
      this.#emit(at, { type: 'MapStarted', state: map.state, items: total });
    }
    for (; map.told < succeeded + failed; map.told++) {
      const status = map.told < succeeded ? 'SUCCEEDED' : 'FAILED';
      this.#emit(at, { type: 'ItemEnded', state: map.state, index: map.told, status, caught: false });
    }
  }

  #emit(at: Date, fields: object): void {
    this.#shown.onEvent({ execution: this.#execution, at, ...fields } as MachineEvent);
  }
}

async function deployed({ stage, region }: DeployedOptions): Promise<DeployedMachine> {
  if (region !== undefined) process.env['AWS_REGION'] = region;
  const { sfnDeployed } = await import('../../shared/adapters/sfn-deployed.ts');
  return sfnDeployed(`sluice-${stage}-load`);
}

async function pollPause(signal: AbortSignal): Promise<boolean> {
  await sleep(FOLLOW_POLL_MS, undefined, { signal }).catch(() => undefined);
  return !signal.aborted;
}
