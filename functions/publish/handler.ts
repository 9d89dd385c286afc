import { lambdaStep } from '../lambda-step.ts';
import { makePublish, PublishInput } from './step.ts';

/** publish: commits the run and brings root and catalog to the head of the log. */
export const handler = lambdaStep('publish', PublishInput, makePublish);
