import { lambdaStep } from '../lambda-step.ts';
import { makeReport, ReportInput } from './step.ts';

/** report: the run's page and pictures. */
export const handler = lambdaStep('report', ReportInput, makeReport);
