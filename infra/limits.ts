/** Bounds of what is deployed besides the functions, each with its unit and reason. */

/** Events of one execution: with keys of 1,024 characters they stay under Step Functions' 262,144 characters of input. */
export const EVENTS_PER_EXECUTION = 100;
/** Messages of one execution where S3 notifies the queue itself: a message comes whole, and keys are URL-encoded in it. */
export const NOTIFICATIONS_PER_EXECUTION = 40;
/** How long messages stay, in seconds: SQS's most, 14 days, to mend what failed. */
export const QUEUE_RETENTION_SECONDS = 14 * 24 * 3600;
/** How long a message is a pipe's alone, in seconds: it starts an execution and is done, so little is enough. */
export const QUEUE_VISIBILITY_SECONDS = 120;
/** Attempts to start an execution of a message before it lies with the dead letters. */
export const QUEUE_RECEIVES_MAX = 5;
/** Attempts of a schedule to start its execution. */
export const SCHEDULE_RETRIES_MAX = 10;
/** Minutes within which a sweep starts, so that those of all data sets do not begin at once. */
export const SWEEP_FLEXIBLE_MINUTES = 10;
/** Datapoints above the threshold, of how many, that make an alarm: one alone is told by the topic if it failed an execution. */
export const ALARM_DATAPOINTS = 2;
export const ALARM_DATAPOINTS_OF = 3;
/** Seconds that a function has at most; serverless.yml's `provider.timeout`. */
export const SERVICE_TIMEOUT_SECONDS = 900;
/** Share of that time from which on a function is worth looking at. */
export const DURATION_ALARM_SHARE = 0.8;
/** Share of rejected rows from which on something is wrong with what is delivered, whatever data sets tolerate. */
export const REJECTED_SHARE_ALARM = 0.05;
