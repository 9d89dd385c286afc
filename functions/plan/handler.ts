import { lambdaStep } from '../lambda-step.ts';
import { makePlan, PlanInput } from './step.ts';

/** plan: one schema for all files, and the tasks that convert them. */
export const handler = lambdaStep('plan', PlanInput, makePlan);
