/** The state machine's executions, as Step Functions or the local machine knows them. */
export type ExecutionStatus = 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'TIMED_OUT' | 'ABORTED' | 'UNKNOWN';

export interface Executions {
  /** UNKNOWN where no execution of this id is on record (they are forgotten after 90 days). */
  status(executionId: string): Promise<ExecutionStatus>;
  /**
   * True once nothing of the execution can still be at work: on AWS some time after its end, since a Lambda runs on when
   * the execution that called it has ended; here as soon as its process is gone.
   */
  gone(executionId: string): Promise<boolean>;
}
