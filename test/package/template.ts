import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PACKAGE_FOLDER } from '../../infra/package.ts';

/** The packaged CloudFormation template, as far as tests look into it. */
export interface Template {
  Resources: Record<string, { Type: string; Properties: Record<string, unknown> }>;
}

export const TEMPLATE_FILE = join(PACKAGE_FOLDER, 'cloudformation-template-update-stack.json');

export async function readTemplate(): Promise<Template> {
  return JSON.parse(await readFile(TEMPLATE_FILE, 'utf8')) as Template;
}

/** Where a test's stack lies. */
export const STACK = { account: '123456789012', region: 'eu-west-1', name: 'sluice-dev' } as const;

/** What the buckets of a test's stack are called. */
const BUCKETS: Record<string, string> = { LandingBucket: 'landing', WorkBucket: 'work', LakeBucket: 'lake' };

const PSEUDO: Record<string, string> = {
  'AWS::Partition': 'aws',
  'AWS::Region': STACK.region,
  'AWS::AccountId': STACK.account,
  'AWS::StackName': STACK.name,
};

/** A value as CloudFormation would deploy it, with the intrinsic functions that the template uses for names and ARNs. */
export function deployed(value: unknown): string {
  if (typeof value === 'string') return value;
  const [[intrinsic, argument]] = Object.entries(value as Record<string, unknown>);
  if (intrinsic === 'Ref') return reference(argument as string);
  if (intrinsic === 'Fn::GetAtt') return reference((argument as string[]).join('.'));
  if (intrinsic === 'Fn::Sub') return (argument as string).replace(/\$\{([^}]+)\}/g, (_, name) => reference(name));
  throw new Error(`The tests do not know how CloudFormation deploys ${JSON.stringify(value)}`);
}

function reference(name: string): string {
  const [resource, attribute] = name.split('.');
  if (resource === 'LoadStateMachine')
    return `arn:aws:states:${STACK.region}:${STACK.account}:stateMachine:${STACK.name}-load`;
  if (resource.endsWith('Queue')) return `arn:aws:sqs:${STACK.region}:${STACK.account}:${STACK.name}-${resource}`;
  const known = PSEUDO[resource] ?? BUCKETS[resource];
  if (known === undefined) throw new Error(`The tests do not know what ${name} is`);
  return attribute === 'Arn' ? `arn:aws:s3:::${known}` : known;
}

/** A Lambda function of the template: its key in serverless.yml, and what it is deployed with. */
export interface PackagedFunction {
  key: string;
  logicalId: string;
  /** `functions/read/handler.handler`. */
  handler: string;
  roleId: string;
  memoryMb: number;
  environment: Record<string, string>;
}

export function packagedFunctions(template: Template): PackagedFunction[] {
  return Object.entries(template.Resources).flatMap(([logicalId, { Type, Properties }]) => {
    if (Type !== 'AWS::Lambda::Function') return [];
    const { Variables } = Properties['Environment'] as { Variables: Record<string, unknown> };
    const role = Properties['Role'] as { 'Fn::GetAtt': [string, string] };
    const functionName = deployed(Properties['FunctionName']);
    return [
      {
        key: functionName.slice(`${STACK.name}-`.length),
        logicalId,
        handler: String(Properties['Handler']),
        roleId: role['Fn::GetAtt'][0],
        memoryMb: Number(Properties['MemorySize']),
        environment: Object.fromEntries(Object.entries(Variables).map(([name, value]) => [name, deployed(value)])),
      },
    ];
  });
}
