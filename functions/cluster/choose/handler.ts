import { lambdaEngine } from '../../lambda-engine.ts';
import { lambdaStep } from '../../lambda-step.ts';
import { ChooseClustersInput, makeChooseClusters } from './step.ts';

/** cluster/choose: decides on a clustering and writes its tables. */
export const handler = lambdaStep('choose-clusters', ChooseClustersInput, makeChooseClusters, lambdaEngine);
