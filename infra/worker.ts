import type { Serverless } from './declared-datasets.ts';
import { serviceRole } from './service-role.ts';

/**
 * A Fargate task for what Lambda has no time for: optional, where a stage gives `workerImage` and `workerSubnets`. Plan
 * learns of it by its environment and marks the tasks that are to run there.
 */

export interface WorkerOptions {
  /** URI of the image, made of the Dockerfile; empty: there is no worker. */
  image: string;
  subnets: string[];
  /** Empty: the VPC's default one. */
  securityGroups: string[];
  assignPublicIp: boolean;
  cpu: number;
  memoryMb: number;
  diskGb: number;
  logRetentionDays: number;
}

interface Part {
  Resources: Record<string, object>;
}

/** The part of the template; serverless.yml includes it. */
export async function worker(serverless: Serverless): Promise<Part> {
  return { Resources: workerResources(await optionsOf(serverless)) };
}

/** What Plan has in its environment of it; empty where there is none. */
export async function workerEnvironment(serverless: Serverless): Promise<unknown> {
  const options = await optionsOf(serverless);
  if (options.image === '') return '';
  const { subnets, securityGroups, assignPublicIp } = options;
  const network = {
    Subnets: subnets,
    ...(securityGroups.length > 0 ? { SecurityGroups: securityGroups } : {}),
    AssignPublicIp: assignPublicIp ? 'ENABLED' : 'DISABLED',
  };
  return { 'Fn::Sub': JSON.stringify({ cluster: '${WorkerCluster.Arn}', taskDefinition: '${WorkerTask}', network }) };
}

export function workerResources(options: WorkerOptions): Record<string, object> {
  if (options.image === '') return {};
  if (options.subnets.length === 0)
    throw new Error('--param workerSubnets must name the subnets that the worker runs in');
  return {
    WorkerCluster: {
      Type: 'AWS::ECS::Cluster',
      Properties: { ClusterSettings: [{ Name: 'containerInsights', Value: 'enabled' }] },
    },
    WorkerLogs: {
      Type: 'AWS::Logs::LogGroup',
      Properties: {
        LogGroupName: '/aws/ecs/${self:service}-${sls:stage}-worker',
        RetentionInDays: options.logRetentionDays,
      },
    },
    WorkerTask: taskDefinition(options),
    // Its policy gets the grants of the function that converts: withWorkerGrants.
    WorkerRole: serviceRole('ecs-tasks.amazonaws.com', 'worker', [
      {
        Effect: 'Allow',
        Action: ['states:SendTaskSuccess', 'states:SendTaskFailure', 'states:SendTaskHeartbeat'],
        Resource: { Ref: 'LoadStateMachine' },
      },
    ]),
    WorkerUse: {
      Type: 'AWS::IAM::Policy',
      Properties: {
        PolicyName: 'worker',
        Roles: [{ Ref: 'LoadStateMachineRole' }],
        PolicyDocument: { Version: '2012-10-17', Statement: USE },
      },
    },
    WorkerStartRole: serviceRole('ecs-tasks.amazonaws.com', 'start', [
      {
        Effect: 'Allow',
        Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
        Resource: { 'Fn::GetAtt': ['WorkerLogs', 'Arn'] },
      },
      ...pullGrants(options.image),
    ]),
  };
}

/** What the state machine does with it. */
const USE = [
  { Effect: 'Allow', Action: 'ecs:RunTask', Resource: { Ref: 'WorkerTask' } },
  {
    Effect: 'Allow',
    Action: ['ecs:StopTask', 'ecs:DescribeTasks'],
    Resource: { 'Fn::Sub': 'arn:${AWS::Partition}:ecs:${AWS::Region}:${AWS::AccountId}:task/${WorkerCluster}/*' },
  },
  {
    Effect: 'Allow',
    Action: 'iam:PassRole',
    Resource: [{ 'Fn::GetAtt': ['WorkerRole', 'Arn'] }, { 'Fn::GetAtt': ['WorkerStartRole', 'Arn'] }],
    Condition: { StringEquals: { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' } },
  },
];

/** The template with the worker's role allowed what the function is that does the same step. */
export function withWorkerGrants<T extends { Resources: Record<string, object> }>(template: T): T {
  const copy = structuredClone(template);
  const [worker, convert] = ['WorkerRole', 'ConvertIamRoleLambdaExecution'].map((id) => copy.Resources[id] as Role);
  if (worker === undefined || convert === undefined) return copy;
  const statements = convert.Properties.Policies[0]!.PolicyDocument.Statement;
  const own = statements.filter(({ Action }) => ![Action].flat().some((action) => /^(?:logs|xray):/.test(action)));
  worker.Properties.Policies[0]!.PolicyDocument.Statement.push(...own);
  return copy;
}

interface Role {
  Properties: { Policies: { PolicyDocument: { Statement: { Action: string | string[] }[] } }[] };
}

function taskDefinition({ image, cpu, memoryMb, diskGb }: WorkerOptions): object {
  return {
    Type: 'AWS::ECS::TaskDefinition',
    Properties: {
      Family: '${self:service}-${sls:stage}-worker',
      RequiresCompatibilities: ['FARGATE'],
      NetworkMode: 'awsvpc',
      Cpu: String(cpu),
      Memory: String(memoryMb),
      EphemeralStorage: { SizeInGiB: diskGb },
      TaskRoleArn: { 'Fn::GetAtt': ['WorkerRole', 'Arn'] },
      ExecutionRoleArn: { 'Fn::GetAtt': ['WorkerStartRole', 'Arn'] },
      ContainerDefinitions: [
        {
          Name: 'convert',
          Image: image,
          ReadonlyRootFilesystem: true,
          MountPoints: [{ ContainerPath: '/tmp', SourceVolume: 'scratch' }],
          Environment: [
            { Name: 'LANDING_BUCKET', Value: { Ref: 'LandingBucket' } },
            { Name: 'WORK_BUCKET', Value: { Ref: 'WorkBucket' } },
            { Name: 'LAKE_BUCKET', Value: { Ref: 'LakeBucket' } },
          ],
          LogConfiguration: {
            LogDriver: 'awslogs',
            Options: {
              'awslogs-group': { Ref: 'WorkerLogs' },
              'awslogs-region': { Ref: 'AWS::Region' },
              'awslogs-stream-prefix': 'convert',
            },
          },
        },
      ],
      Volumes: [{ Name: 'scratch' }],
    },
  };
}

/** For an image in ECR: of that repository alone, but for the login, which has no resource. */
function pullGrants(image: string): object[] {
  const found = /^(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?\/([^:@]+)/.exec(image);
  if (found === null) return [];
  const [, account, region, repository] = found;
  return [
    {
      Effect: 'Allow',
      Action: ['ecr:BatchCheckLayerAvailability', 'ecr:GetDownloadUrlForLayer', 'ecr:BatchGetImage'],
      Resource: { 'Fn::Sub': `arn:\${AWS::Partition}:ecr:${region}:${account}:repository/${repository}` },
    },
    { Effect: 'Allow', Action: 'ecr:GetAuthorizationToken', Resource: '*' },
  ];
}

async function optionsOf(serverless: Serverless): Promise<WorkerOptions> {
  const text = async (name: string) => String(await serverless.resolveVariable(`param:${name}`));
  const list = async (name: string) => (await text(name)).split(',').flatMap((item) => item.trim() || []);
  return {
    image: await text('workerImage'),
    subnets: await list('workerSubnets'),
    securityGroups: await list('workerSecurityGroups'),
    assignPublicIp: (await text('workerPublicIp')) === 'true',
    cpu: Number(await text('workerCpu')),
    memoryMb: Number(await text('workerMemory')),
    diskGb: Number(await text('workerDiskGb')),
    logRetentionDays: Number(await text('logRetentionDays')),
  };
}
