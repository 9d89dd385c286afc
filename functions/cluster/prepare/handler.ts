import { lambdaEngine } from '../../lambda-engine.ts';
import { lambdaStep } from '../../lambda-step.ts';
import { makePrepareFeatures, PrepareFeaturesInput } from './step.ts';

/** cluster/prepare: what was loaded as points to cluster, and the fits to try. */
export const handler = lambdaStep('prepare-features', PrepareFeaturesInput, makePrepareFeatures, lambdaEngine);
