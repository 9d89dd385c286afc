import { describe, expect, it } from '@jest/globals';
import { ConvertStepInput } from '../../functions/convert/step.ts';
import { PlanInput } from '../../functions/plan/step.ts';
import { tuningInput } from '../../infra/tune.ts';

const STAGE = { stage: 'dev', region: 'eu-west-1', account: '123456789012' };
const ITEM = '{"task":"convert-000000","at":{"key":"runs/R/plan/a/tasks.jsonl","start":0,"end":10}}';

describe('the input of power tuning', () => {
  it('has a payload that the step takes', () => {
    const convert = tuningInput({ function: 'convert', run: 'R', item: ITEM, ...STAGE });
    expect(convert).toMatchObject({ lambdaARN: 'arn:aws:lambda:eu-west-1:123456789012:function:sluice-dev-convert' });
    expect(ConvertStepInput.safeParse((convert as { payload: unknown }).payload).success).toBe(true);
    const plan = tuningInput({ function: 'plan', run: 'R', ...STAGE });
    expect(PlanInput.safeParse((plan as { payload: unknown }).payload).success).toBe(true);
  });

  it('is refused of steps that publish, and without a task where a run has many', () => {
    expect(() => tuningInput({ function: 'publish', run: 'R', ...STAGE })).toThrow('not "publish"');
    expect(() => tuningInput({ function: 'convert', run: 'R', ...STAGE })).toThrow('say one by --item');
  });
});
