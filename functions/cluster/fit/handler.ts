import { lambdaStep } from '../../lambda-step.ts';
import { FitInput, makeFit } from './step.ts';

/** cluster/fit: one clustering of the run's points, or of its distances. */
export const handler = lambdaStep('fit', FitInput, makeFit);
