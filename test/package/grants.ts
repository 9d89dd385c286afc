import { beforeAll, describe, expect, it } from '@jest/globals';
import { functionNames, loadDefinition } from '../../local/machine.ts';
import { type ActRecord, MACHINE } from './acts.ts';
import { type Act, allows, type Grant, grantsOf } from './policy.ts';
import { everythingThatSteps } from './recorded-world.ts';
import type { PackagedFunction, Template } from './template.ts';

/** Granted though no call of the recorded world needs it, and why. */
const UNSEEN = [
  // Lambda's own: the log, the traces.
  /^logs:/,
  /^xray:/,
  // For sources of other accounts, which the recorded world has none of.
  /^sts:AssumeRole/,
];

/** Every role against what the steps really do: no call that it forbids, and nothing granted that no call needs. */
export function describeGrants(template: Template, functions: PackagedFunction[]): void {
  describe('the roles of the packaged template', () => {
    let acts: ActRecord['acts'];
    const grants = new Map<string, Grant[]>();

    beforeAll(async () => {
      acts = (await everythingThatSteps()).acts;
    });
    for (const { logicalId, roleId } of functions) {
      grants.set(logicalId.replace(/LambdaFunction$/, ''), grantsOf(template, roleId));
    }
    const actsOf = (step: string): Act[] => [...(acts.get(step)?.values() ?? [])];
    const steps = [...grants.keys()];

    it('are one a function, and of no other', () => {
      const roles = functions.map(({ roleId }) => roleId);
      expect(new Set(roles).size).toBe(functions.length);
      const others = Object.entries(template.Resources).filter(
        ([id, { Type }]) => Type === 'AWS::IAM::Role' && !roles.includes(id),
      );
      const starting = others.map(([id]) => id).filter((id) => !id.endsWith('PipeRole'));
      expect(starting.sort()).toEqual(['LoadStateMachineRole', 'SchedulerRole']);
    });

    it('name every action, and every resource but for traces and deliveries of logs', () => {
      for (const { actions, resources } of [...grants.values(), grantsOf(template, 'LoadStateMachineRole')].flat()) {
        expect(actions.filter((action) => action.includes('*'))).toEqual([]);
        // Traces and deliveries of logs have no resource to name.
        if (!actions.every((action) => /^(?:xray:|logs:.*(?:LogDeliver|ResourcePolic|LogGroups))/.test(action)))
          expect(resources).not.toContain('*');
      }
    });

    it('let what starts loads start them, and nothing else', () => {
      const roles = Object.keys(template.Resources).filter((id) => id.endsWith('PipeRole') || id === 'SchedulerRole');
      expect(roles.length).toBeGreaterThan(1);
      for (const role of roles) {
        const actions = grantsOf(template, role).flatMap((grant) => grant.actions);
        expect(actions.filter((action) => !action.startsWith('sqs:'))).toEqual(['states:StartExecution']);
      }
    });

    it.each(steps)('let %s do all that it does', (step) => {
      expect(actsOf(step).length).toBeGreaterThan(0);
      expect(beyond(actsOf(step), grants.get(step)!)).toEqual([]);
    });

    it.each(steps)('let %s do nothing else', (step) => {
      const idle = grants.get(step)!.flatMap((grant) =>
        grant.actions
          .filter((action) => !UNSEEN.some((unseen) => unseen.test(action)))
          .filter((action) => !actsOf(step).some((act) => act.action === action && allows(grant, act)))
          .map((action) => `${action} on ${grant.resources[0]}`),
      );
      expect(idle).toEqual([]);
    });

    it('let the state machine call each of its functions, and read and write the items of its Maps', async () => {
      const machine = grantsOf(template, 'LoadStateMachineRole');
      expect(beyond(actsOf(MACHINE), machine)).toEqual([]);
      const definition = await loadDefinition(new URL('../../statemachines/load.asl.yml', import.meta.url).pathname);
      expect(functionNames(definition).sort()).toEqual(functions.map(({ logicalId }) => logicalId).sort());
      for (const { key } of functions) {
        const resource = `arn:aws:lambda:eu-west-1:123456789012:function:sluice-dev-${key}:7`;
        expect(machine.some((grant) => allows(grant, { action: 'lambda:InvokeFunction', resource }))).toBe(true);
      }
    });

    it('let the state machine start, follow, stop and redrive its own executions and its Maps, and no others', () => {
      const machine = grantsOf(template, 'LoadStateMachineRole');
      const arn = (kind: string) => `arn:aws:states:eu-west-1:123456789012:${kind}`;
      const wanted: [string, string][] = [
        ['states:StartExecution', arn('stateMachine:sluice-dev-load')],
        ['states:DescribeExecution', arn('execution:sluice-dev-load/ReadEach:1')],
        ['states:StopExecution', arn('execution:sluice-dev-load/ReadEach:1')],
        ['states:RedriveExecution', arn('execution:sluice-dev-load/ReadEach:1')],
      ];
      for (const [action, resource] of wanted) {
        expect(machine.filter((grant) => allows(grant, { action, resource }))).toHaveLength(1);
        const other = resource.replace('sluice-dev-load', 'sluice-prod-load');
        expect(machine.filter((grant) => allows(grant, { action, resource: other }))).toEqual([]);
      }
    });
  });
}

/** What no grant allows. */
function beyond(acts: Act[], grants: Grant[]): string[] {
  return acts
    .filter((act) => !grants.some((grant) => allows(grant, act)))
    .map(({ action, resource }) => `${action} on ${resource}`);
}
