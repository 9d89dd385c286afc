import {
  SendTaskFailureCommand,
  SendTaskHeartbeatCommand,
  SendTaskSuccessCommand,
  SFNClient,
} from '@aws-sdk/client-sfn';
import { TASK_CAUSE_MAX_CHARACTERS } from '../limits.ts';

/** What becomes of a task that a state of an execution waits for, by the token it was started with. */
export interface TaskReport {
  heartbeat(): Promise<void>;
  succeeded(output: unknown): Promise<void>;
  /** By the error's own name, which the state machine matches. */
  failed(error: Error): Promise<void>;
}

/** Tells Step Functions. A state that waits no longer makes each of them throw `TaskTimedOut` or `InvalidToken`. */
export function sfnTaskReport(taskToken: string, client: SFNClient = new SFNClient({})): TaskReport {
  return {
    async heartbeat() {
      await client.send(new SendTaskHeartbeatCommand({ taskToken }));
    },
    async succeeded(output) {
      await client.send(new SendTaskSuccessCommand({ taskToken, output: JSON.stringify(output) }));
    },
    async failed(error) {
      // As a function's failure reads, so that whoever reads the cause need not know where the step ran.
      const cause = JSON.stringify({ errorType: error.name, errorMessage: error.message });
      await client.send(
        new SendTaskFailureCommand({
          taskToken,
          error: error.name,
          cause: cause.slice(0, TASK_CAUSE_MAX_CHARACTERS),
        }),
      );
    },
  };
}
