import { randomUUID } from 'node:crypto';
import { sfnTaskReport, type TaskReport } from '../../shared/adapters/sfn-task-report.ts';
import { WORKER_HEARTBEAT_SECONDS } from '../../shared/limits.ts';
import type { Ports } from '../../shared/ports/ports.ts';
import { awsPorts } from '../aws-ports.ts';
import { lambdaEngine } from '../lambda-engine.ts';
import { parseStepInput } from '../step-input.ts';
import { ConvertStepInput, makeConvert } from './step.ts';

/**
 * The convert step outside Lambda, for what Lambda has no time for: one task, told by the environment, and the process ends.
 *
 *     SLUICE_RUN=… SLUICE_STEP=convert SLUICE_TASK=convert-000000 \
 *       SLUICE_TASK_KEY=runs/…/tasks.jsonl SLUICE_TASK_START=0 SLUICE_TASK_END=512 \
 *       LANDING_BUCKET=… WORK_BUCKET=… LAKE_BUCKET=… node functions/convert/worker.ts
 *
 * With `SLUICE_TASK_TOKEN` the state that waits for it is told how it went. The task's receipt is written by condition, as
 * everywhere: a worker that comes late changes nothing.
 */

type Environment = Readonly<Record<string, string | undefined>>;

/** Does the task; throws what the step throws, once it is reported. */
export async function work(
  environment: Environment,
  makePorts: () => Ports,
  reportTo: (token: string) => TaskReport,
): Promise<unknown> {
  const token = environment['SLUICE_TASK_TOKEN'];
  const report = token === undefined || token === '' ? undefined : reportTo(token);
  // A beat that fails is no failure of the work: the receipt counts, whoever still waits.
  const beat = () => report?.heartbeat().catch((error: Error) => console.error(`No heartbeat: ${error.message}`));
  const beating = report && setInterval(beat, WORKER_HEARTBEAT_SECONDS * 1000);
  try {
    const output = await makeConvert(makePorts())(taskOf(environment), `worker-${randomUUID()}`);
    await report?.succeeded(output);
    return output;
  } catch (error) {
    await report?.failed(error as Error);
    throw error;
  } finally {
    clearInterval(beating);
  }
}

function taskOf(environment: Environment) {
  const { SLUICE_RUN: run, SLUICE_STEP: step, SLUICE_TASK: task, SLUICE_TASK_KEY: key } = environment;
  const at = { key, start: Number(environment['SLUICE_TASK_START']), end: Number(environment['SLUICE_TASK_END']) };
  return parseStepInput(ConvertStepInput, { run, step, task, at });
}

if (import.meta.main) {
  try {
    console.log(
      JSON.stringify(
        await work(
          process.env,
          () => awsPorts(lambdaEngine),
          (token) => sfnTaskReport(token),
        ),
      ),
    );
  } catch (error) {
    console.error(`${(error as Error).name}: ${(error as Error).message}`);
    process.exitCode = 1;
  }
}
