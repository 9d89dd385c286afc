import { lambdaStep } from '../lambda-step.ts';
import { GatherInput, makeGather } from './step.ts';

/** gather: checks every account, judges the failures, plans the shuffle. */
export const handler = lambdaStep('gather', GatherInput, makeGather);
