import { lambdaStep } from '../lambda-step.ts';
import { QuarantineInput } from './input.ts';
import { makeQuarantine } from './step.ts';

/** quarantine: what still fails after its retries goes to the failure prefix. */
export const handler = lambdaStep('quarantine', QuarantineInput, makeQuarantine);
