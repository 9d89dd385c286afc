import { DescribeExecutionCommand, ExecutionDoesNotExist, SFNClient } from '@aws-sdk/client-sfn';
import { LAMBDA_MAX_SECONDS } from '../limits.ts';
import type { ExecutionStatus, Executions } from '../ports/executions.ts';

/** Executions of the deployed state machine, by ARN. */
export function sfnExecutions(client: SFNClient = new SFNClient({})): Executions {
  async function describe(executionArn: string) {
    try {
      return await client.send(new DescribeExecutionCommand({ executionArn }));
    } catch (error) {
      if (error instanceof ExecutionDoesNotExist) return undefined;
      throw error;
    }
  }
  return {
    async status(executionId): Promise<ExecutionStatus> {
      const found = await describe(executionId);
      if (!found?.status) return 'UNKNOWN';
      // Waiting to be started again by Step Functions' own redrive: at work as far as anyone else can tell.
      return found.status === 'PENDING_REDRIVE' ? 'RUNNING' : found.status;
    },
    async gone(executionId): Promise<boolean> {
      const found = await describe(executionId);
      if (!found) return true;
      if (!found.stopDate) return false;
      return Date.now() - found.stopDate.getTime() > LAMBDA_MAX_SECONDS * 1000;
    },
  };
}
