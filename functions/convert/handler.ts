import { lambdaEngine } from '../lambda-engine.ts';
import { lambdaStep } from '../lambda-step.ts';
import { ConvertStepInput, makeConvert } from './step.ts';

/** convert: a task's files become staged or final table files. */
export const handler = lambdaStep('convert', ConvertStepInput, makeConvert, lambdaEngine);
