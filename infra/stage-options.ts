import { functionId } from './functions.ts';

/**
 * What a stage may choose about its resources: buckets that exist already, a key of its own, how long failed and rejected
 * things stay, concurrency. serverless.yml gives the choices (`custom.stage`), a plugin applies them to the template.
 */

export interface StageOptions {
  /** Names of buckets that exist already; empty: one is made. */
  landingBucket: string;
  workBucket: string;
  lakeBucket: string;
  /** ARN of a KMS key that buckets, queues, the topic and logs are encrypted with; empty: the services' own keys. */
  kmsKey: string;
  /** Name of a bucket for the access logs of the buckets that are made, each under its own prefix; empty: none are kept. */
  accessLogBucket: string;
  transferAcceleration: boolean;
  /** A weekly list of the landing bucket's objects, in the work bucket under `inventory/`. */
  inventory: boolean;
  /** Days after which what lies under `failed/` and `rejected/` is deleted; 0: never. */
  failedDays: number;
  rejectedDays: number;
  /** By function: `convert=50, read=20`. */
  reservedConcurrency: string;
  provisionedConcurrency: string;
}

export interface Resource {
  Type: string;
  Properties?: Record<string, unknown>;
  [other: string]: unknown;
}
export type Resources = Record<string, Resource>;

const BUCKETS = [
  ['LandingBucket', 'landingBucket'],
  ['WorkBucket', 'workBucket'],
  ['LakeBucket', 'lakeBucket'],
] as const;

export interface Template {
  Resources: Resources;
  Outputs?: Record<string, unknown>;
}

/** The template with a stage's choices applied. Throws where a choice is none. */
export function withStageOptions<T extends Template>(template: T, options: StageOptions): T {
  const whole = structuredClone(template);
  const changed = whole.Resources;
  expireWork(changed, options);
  if (options.transferAcceleration)
    propertiesOf(changed, 'LandingBucket')['AccelerateConfiguration'] = { AccelerationStatus: 'Enabled' };
  if (options.accessLogBucket !== '') logAccess(changed, options.accessLogBucket);
  if (options.inventory) addInventory(changed);
  if (options.kmsKey !== '') encryptBy(changed, options.kmsKey);
  setConcurrency(changed, options);
  return BUCKETS.reduce(
    (result, [id, option]) => (options[option] === '' ? result : withExisting(result, id, options[option])),
    whole,
  );
}

function propertiesOf(resources: Resources, id: string): Record<string, unknown> {
  const resource = resources[id];
  if (resource === undefined) throw new Error(`The template has no ${id}`);
  resource.Properties ??= {};
  return resource.Properties;
}

/** Only what nobody's commit needs may go by itself: never `runs/`, `log/`, `claims/` or `loaded/`. */
function expireWork(resources: Resources, { failedDays, rejectedDays }: StageOptions): void {
  const lifecycle = propertiesOf(resources, 'WorkBucket')['LifecycleConfiguration'] as { Rules: object[] };
  for (const [folder, days] of [
    ['failed', failedDays],
    ['rejected', rejectedDays],
  ] as const) {
    if (days === 0) continue;
    if (!Number.isInteger(days) || days < 1)
      throw new Error(`${folder}Days must be a whole number of days, not ${days}`);
    lifecycle.Rules.push({ Id: `forget-${folder}`, Status: 'Enabled', Prefix: `${folder}/`, ExpirationInDays: days });
  }
}

function logAccess(resources: Resources, bucket: string): void {
  for (const [id] of BUCKETS) {
    propertiesOf(resources, id)['LoggingConfiguration'] = {
      DestinationBucketName: bucket,
      LogFilePrefix: { 'Fn::Sub': `\${AWS::StackName}/${id}/` },
    };
  }
}

function addInventory(resources: Resources): void {
  propertiesOf(resources, 'LandingBucket')['InventoryConfigurations'] = [
    {
      Id: 'weekly',
      Enabled: true,
      IncludedObjectVersions: 'Current',
      ScheduleFrequency: 'Weekly',
      Destination: { BucketArn: { 'Fn::GetAtt': ['WorkBucket', 'Arn'] }, Format: 'Parquet', Prefix: 'inventory' },
      OptionalFields: ['Size', 'LastModifiedDate', 'ETag', 'StorageClass'],
    },
  ];
  const policy = propertiesOf(resources, 'WorkBucketPolicy')['PolicyDocument'] as { Statement: object[] };
  policy.Statement.push({
    Sid: 'Inventory',
    Effect: 'Allow',
    Principal: { Service: 's3.amazonaws.com' },
    Action: 's3:PutObject',
    Resource: { 'Fn::Sub': '${WorkBucket.Arn}/inventory/*' },
    Condition: { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } },
  });
}

/** A key of one's own for all that keeps data; those who use it say so in the key's policy. */
function encryptBy(resources: Resources, key: string): void {
  if (!/^arn:aws[a-z-]*:kms:[^:]+:\d{12}:key\/.+$/.test(key))
    throw new Error(`kmsKey must be the ARN of a key, not "${key}"`);
  for (const { Type, Properties = {} } of Object.values(resources)) {
    if (Type === 'AWS::S3::Bucket') {
      Properties['BucketEncryption'] = {
        ServerSideEncryptionConfiguration: [
          { ServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: key }, BucketKeyEnabled: true },
        ],
      };
    } else if (Type === 'AWS::SQS::Queue') {
      delete Properties['SqsManagedSseEnabled'];
      Properties['KmsMasterKeyId'] = key;
    } else if (Type === 'AWS::SNS::Topic') {
      Properties['KmsMasterKeyId'] = key;
    } else if (Type === 'AWS::Logs::LogGroup') {
      Properties['KmsKeyId'] = key;
    } else if (Type === 'AWS::Lambda::Function') {
      Properties['KmsKeyArn'] = key;
    } else if (Type === 'AWS::IAM::Role') {
      const [policy] = Properties['Policies'] as { PolicyDocument: { Statement: object[] } }[];
      policy!.PolicyDocument.Statement.push({
        Effect: 'Allow',
        Action: ['kms:Decrypt', 'kms:GenerateDataKey'],
        Resource: key,
      });
    }
  }
}

/** Reserved is of the function, provisioned of the version that executions call. */
function setConcurrency(resources: Resources, options: StageOptions): void {
  for (const [id, count] of concurrencies(resources, options.reservedConcurrency, 'reservedConcurrency')) {
    propertiesOf(resources, id)['ReservedConcurrentExecutions'] = count;
  }
  for (const [id, count] of concurrencies(resources, options.provisionedConcurrency, 'provisionedConcurrency')) {
    const version = Object.values(resources).find(
      ({ Type, Properties }) =>
        Type === 'AWS::Lambda::Version' && (Properties?.['FunctionName'] as { Ref: string }).Ref === id,
    );
    if (version === undefined) throw new Error(`provisionedConcurrency: the template has no version of ${id}`);
    version.Properties = {
      ...version.Properties,
      ProvisionedConcurrencyConfig: { ProvisionedConcurrentExecutions: count },
    };
  }
}

function concurrencies(resources: Resources, text: string, option: string): [string, number][] {
  const pairs = text.split(',').map((pair) => pair.trim());
  return pairs
    .filter((pair) => pair !== '')
    .map((pair) => {
      const [, key, count] = /^([A-Za-z]+)=([1-9]\d*)$/.exec(pair) ?? [];
      if (key === undefined) throw new Error(`${option} must be like "convert=50, read=20", not "${text}"`);
      const id = functionId(key);
      if (resources[id] === undefined) throw new Error(`${option} names the function "${key}", which there is not`);
      return [id, Number(count)];
    });
}

/** Takes a bucket and its policy out, which are its owner's then, and names the one there is wherever it was referred to. */
function withExisting<T extends Template>(template: T, id: string, bucket: string): T {
  const resources = Object.entries(template.Resources).filter(([other]) => other !== id && other !== `${id}Policy`);
  const arn = `arn:\${AWS::Partition}:s3:::${bucket}`;
  return replace({ ...template, Resources: Object.fromEntries(resources) }, (value) => {
    if (value['Ref'] === id) return bucket;
    const [of, attribute] = (value['Fn::GetAtt'] as string[] | undefined) ?? [];
    if (of === id && attribute === 'Arn') return { 'Fn::Sub': arn };
    const text = value['Fn::Sub'];
    if (typeof text !== 'string' || !text.includes(`\${${id}`)) return undefined;
    return { 'Fn::Sub': text.replaceAll(`\${${id}.Arn}`, arn).replaceAll(`\${${id}}`, bucket) };
  }) as T;
}

/** A copy in which objects that `change` has something else for are replaced. */
function replace(value: unknown, change: (value: Record<string, unknown>) => unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => replace(item, change));
  if (typeof value !== 'object' || value === null) return value;
  const other = change(value as Record<string, unknown>);
  if (other !== undefined) return other;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, replace(inner, change)]));
}
