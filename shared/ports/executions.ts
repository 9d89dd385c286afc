/** The state machine's executions, as Step Functions or the local machine knows them. */
export type ExecutionStatus = 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'TIMED_OUT' | 'ABORTED' | 'UNKNOWN';

export interface Executions {
  /** UNKNOWN where no execution of this id is on record (they are forgotten after 90 days). */
  status(executionId: string): Promise<ExecutionStatus>;
  /** Starts an execution; the same name with the same input is the same execution. Returns its id. */
  start(name: string, input: unknown): Promise<string>;
}
