import { lambdaStep } from '../lambda-step.ts';
import { makeRetire, RetireInput } from './step.ts';

/** retire: what the commit replaced leaves the tables' roots. */
export const handler = lambdaStep('retire', RetireInput, makeRetire);
