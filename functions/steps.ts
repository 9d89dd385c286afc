import type { z } from 'zod';
import type { Ports } from '../shared/ports/ports.ts';
import { ChooseClustersInput, makeChooseClusters } from './cluster/choose/step.ts';
import { FitInput, makeFit } from './cluster/fit/step.ts';
import { makePrepareFeatures, PrepareFeaturesInput } from './cluster/prepare/step.ts';
import { ConvertStepInput, makeConvert } from './convert/step.ts';
import { withPlace } from './error-place.ts';
import { GatherInput, makeGather } from './gather/step.ts';
import { ListLatestInput, makeListLatest, type ResolveRequest } from './list-latest/step.ts';
import { makePlan, PlanInput } from './plan/step.ts';
import { makePublish, PublishInput } from './publish/step.ts';
import { QuarantineInput } from './quarantine/input.ts';
import { makeQuarantine } from './quarantine/step.ts';
import { makeRead, ReadInput } from './read/step.ts';
import { makeRepartition, RepartitionStepInput } from './repartition/step.ts';
import { makeReport, ReportInput } from './report/step.ts';
import { makeRetire, RetireInput } from './retire/step.ts';
import { parseStepInput } from './step-input.ts';

/** A step as the state machine calls it: JSON in, JSON out, and a name for this attempt. */
export type StepHandler = (event: unknown, attempt: string) => Promise<unknown>;

/** All steps over the same ports, under the names that the state machine's definition gives their functions. */
export function makeSteps(ports: Ports, resolve: ResolveRequest): Record<string, StepHandler> {
  return {
    ListLatest: checked(ListLatestInput, makeListLatest(ports, resolve)),
    Read: checked(ReadInput, makeRead(ports)),
    Plan: checked(PlanInput, makePlan(ports)),
    Convert: checked(ConvertStepInput, makeConvert(ports)),
    Gather: checked(GatherInput, makeGather(ports)),
    Repartition: checked(RepartitionStepInput, makeRepartition(ports)),
    PrepareFeatures: checked(PrepareFeaturesInput, makePrepareFeatures(ports)),
    Fit: checked(FitInput, makeFit(ports)),
    ChooseClusters: checked(ChooseClustersInput, makeChooseClusters(ports)),
    Publish: checked(PublishInput, makePublish(ports)),
    Report: checked(ReportInput, makeReport(ports)),
    Retire: checked(RetireInput, makeRetire(ports)),
    Quarantine: checked(QuarantineInput, makeQuarantine(ports)),
  };
}

function checked<T>(input: z.ZodType<T>, step: (event: T, attempt: string) => Promise<unknown>): StepHandler {
  return async (event, attempt) => {
    try {
      return await step(parseStepInput(input, event), attempt);
    } catch (error) {
      throw withPlace(error);
    }
  };
}
