import { describe, expect, it } from '@jest/globals';
import { type WorkerOptions, withWorkerGrants, workerEnvironment, workerResources } from '../../infra/worker.ts';

const OPTIONS: WorkerOptions = {
  image: '123456789012.dkr.ecr.eu-west-1.amazonaws.com/sluice:abc',
  subnets: ['subnet-1'],
  securityGroups: [],
  assignPublicIp: false,
  cpu: 4096,
  memoryMb: 16384,
  diskGb: 200,
  logRetentionDays: 30,
};
const given = (parameters: Record<string, string>) => ({
  resolveVariable: async (variable: string) => parameters[variable.replace('param:', '')] ?? '',
});

describe('the worker on Fargate', () => {
  it('is nothing where a stage has no image, and plan knows of none', async () => {
    expect(workerResources({ ...OPTIONS, image: '' })).toEqual({});
    expect(await workerEnvironment(given({}))).toBe('');
  });

  it('needs subnets', () => {
    expect(() => workerResources({ ...OPTIONS, subnets: [] })).toThrow('workerSubnets');
  });

  it('may pull its image and no other', () => {
    const text = JSON.stringify(workerResources(OPTIONS)['WorkerStartRole']);
    expect(text).toContain('ecr:eu-west-1:123456789012:repository/sluice"');
    expect(
      JSON.stringify(workerResources({ ...OPTIONS, image: 'ghcr.io/us/sluice' })['WorkerStartRole']),
    ).not.toContain('ecr:');
  });

  it('is told to plan as the state machine hands it to ECS', async () => {
    const environment = await workerEnvironment(
      given({
        workerImage: OPTIONS.image,
        workerSubnets: 'subnet-1, subnet-2',
        workerSecurityGroups: 'sg-1',
        workerPublicIp: 'true',
      }),
    );
    const { 'Fn::Sub': text } = environment as { 'Fn::Sub': string };
    expect(JSON.parse(text)).toEqual({
      cluster: '${WorkerCluster.Arn}',
      taskDefinition: '${WorkerTask}',
      network: { Subnets: ['subnet-1', 'subnet-2'], SecurityGroups: ['sg-1'], AssignPublicIp: 'ENABLED' },
    });
  });

  it('may do what the function may that does the same step, but for its logs', () => {
    const convert = {
      Properties: {
        Policies: [
          {
            PolicyDocument: {
              Statement: [
                { Action: ['s3:GetObject'], Resource: 'r' },
                { Action: ['logs:PutLogEvents'], Resource: 'l' },
                { Action: 'xray:PutTraceSegments', Resource: '*' },
              ],
            },
          },
        ],
      },
    };
    const { WorkerRole } = withWorkerGrants({
      Resources: { ...workerResources(OPTIONS), ConvertIamRoleLambdaExecution: convert },
    }).Resources as unknown as Record<string, typeof convert>;
    const actions = WorkerRole!.Properties.Policies[0]!.PolicyDocument.Statement.flatMap(({ Action }) => Action);
    expect(actions).toEqual([
      'states:SendTaskSuccess',
      'states:SendTaskFailure',
      'states:SendTaskHeartbeat',
      's3:GetObject',
    ]);
  });
});
