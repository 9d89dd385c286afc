import { parseArgs } from 'node:util';

/**
 * Prints the input of AWS Lambda Power Tuning for one function of a stage: `npm run tune -- --function convert --run R
 * --item '{"task": …, "at": …}'`. What a step did for a run is done again without effect, since the first receipt counts:
 * so a past run's task is a fair measure and changes nothing. docs/deploying.md says how to read the result.
 */

/** MB: each twice the processors of the one before, up to the most that Lambda has. */
const POWERS = [512, 1024, 1769, 2048, 3008, 4096, 6144, 8192, 10_240];
/** Invocations at each power. */
const INVOCATIONS = 10;

export interface TuneOptions {
  function: string;
  run: string;
  /** An item of the Map, for the steps of which a run has many tasks. */
  item?: string;
  stage: string;
  region: string;
  account: string;
}

/** Throws where the function is not one of those that this helps with. */
export function tuningInput({ function: name, run, item, stage, region, account }: TuneOptions): object {
  const mapped: Record<string, object> = { read: {}, convert: { step: 'convert' }, repartition: {} };
  const more = mapped[name];
  if (more === undefined && name !== 'plan') {
    throw new Error(
      `--function must be read, plan, convert or repartition, not "${name}": others change what is published`,
    );
  }
  if (more !== undefined && item === undefined) throw new Error(`${name} has many tasks in a run: say one by --item`);
  return {
    lambdaARN: `arn:aws:lambda:${region}:${account}:function:sluice-${stage}-${name}`,
    powerValues: POWERS,
    num: INVOCATIONS,
    payload: { run, ...more, ...(item === undefined || more === undefined ? {} : JSON.parse(item)) },
    parallelInvocation: false,
    strategy: 'balanced',
    balancedWeight: 0.5,
  };
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      function: { type: 'string', default: 'convert' },
      run: { type: 'string', default: '<run>' },
      item: { type: 'string' },
      stage: { type: 'string', default: 'dev' },
      region: { type: 'string', default: process.env['AWS_REGION'] ?? 'eu-west-1' },
      account: { type: 'string', default: '<account>' },
    },
  });
  try {
    console.log(JSON.stringify(tuningInput(values), undefined, 2));
  } catch (error) {
    console.error((error as Error).message);
    process.exitCode = 2;
  }
}
