import { lambdaEngine } from '../lambda-engine.ts';
import { lambdaStep } from '../lambda-step.ts';
import { makeRepartition, RepartitionStepInput } from './step.ts';

/** repartition: one bucket of the shuffle becomes the final files of its partitions. */
export const handler = lambdaStep('repartition', RepartitionStepInput, makeRepartition, lambdaEngine);
