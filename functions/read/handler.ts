import { lambdaEngine } from '../lambda-engine.ts';
import { lambdaStep } from '../lambda-step.ts';
import { makeRead, ReadInput } from './step.ts';

/** read: finds out what each object of a batch is. */
export const handler = lambdaStep('read', ReadInput, makeRead, lambdaEngine);
