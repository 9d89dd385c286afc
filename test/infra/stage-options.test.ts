import { describe, expect, it } from '@jest/globals';
import { type Resources, type StageOptions, withStageOptions } from '../../infra/stage-options.ts';

const NONE: StageOptions = {
  landingBucket: '',
  workBucket: '',
  lakeBucket: '',
  kmsKey: '',
  accessLogBucket: '',
  transferAcceleration: false,
  inventory: false,
  failedDays: 0,
  rejectedDays: 0,
  reservedConcurrency: '',
  provisionedConcurrency: '',
};
const KEY = 'arn:aws:kms:eu-west-1:123456789012:key/0d1a8c52';
const bucket = (): Resources[string] => ({
  Type: 'AWS::S3::Bucket',
  Properties: { LifecycleConfiguration: { Rules: [{ Id: 'abort' }] } },
});
const TEMPLATE: Resources = {
  LandingBucket: bucket(),
  WorkBucket: bucket(),
  WorkBucketPolicy: { Type: 'AWS::S3::BucketPolicy', Properties: { PolicyDocument: { Statement: [] } } },
  LakeBucket: bucket(),
  ReadLambdaFunction: {
    Type: 'AWS::Lambda::Function',
    Properties: { Environment: { Variables: { WORK_BUCKET: { Ref: 'WorkBucket' } } } },
  },
  ReadVersion: { Type: 'AWS::Lambda::Version', Properties: { FunctionName: { Ref: 'ReadLambdaFunction' } } },
  ReadRole: {
    Type: 'AWS::IAM::Role',
    Properties: {
      Policies: [
        {
          PolicyDocument: {
            Statement: [
              { Action: 's3:GetObject', Resource: { 'Fn::Sub': '${WorkBucket.Arn}/runs/*' } },
              { Action: 's3:ListBucket', Resource: { 'Fn::GetAtt': ['WorkBucket', 'Arn'] } },
            ],
          },
        },
      ],
    },
  },
  Queue: { Type: 'AWS::SQS::Queue', Properties: { SqsManagedSseEnabled: true } },
};
const OUTPUTS = { WorkBucket: { Value: { Ref: 'WorkBucket' } } };
const withOptions = (options: Partial<StageOptions>) =>
  withStageOptions({ Resources: TEMPLATE, Outputs: OUTPUTS }, { ...NONE, ...options }).Resources;

describe('the choices of a stage', () => {
  it('are none by default', () => {
    expect(withOptions({})).toEqual(TEMPLATE);
  });

  it('put an existing bucket wherever the new one was named', () => {
    const changed = withOptions({ workBucket: 'there-already' });
    expect(Object.keys(changed)).not.toContain('WorkBucket');
    expect(Object.keys(changed)).not.toContain('WorkBucketPolicy');
    expect(JSON.stringify(changed)).not.toContain('WorkBucket');
    const { Outputs } = withStageOptions(
      { Resources: TEMPLATE, Outputs: OUTPUTS },
      { ...NONE, workBucket: 'there-already' },
    );
    expect(Outputs).toEqual({ WorkBucket: { Value: 'there-already' } });
    expect(changed['ReadLambdaFunction']!.Properties).toMatchObject({
      Environment: { Variables: { WORK_BUCKET: 'there-already' } },
    });
    expect(changed['ReadRole']!.Properties!['Policies']).toMatchObject([
      {
        PolicyDocument: {
          Statement: [
            { Resource: { 'Fn::Sub': 'arn:${AWS::Partition}:s3:::there-already/runs/*' } },
            { Resource: { 'Fn::Sub': 'arn:${AWS::Partition}:s3:::there-already' } },
          ],
        },
      },
    ]);
  });

  it("encrypt all that keeps data by the stage's key, which roles may use", () => {
    const changed = withOptions({ kmsKey: KEY });
    expect(changed['Queue']!.Properties).toEqual({ KmsMasterKeyId: KEY });
    expect(JSON.stringify(changed['LakeBucket'])).toContain(KEY);
    expect(JSON.stringify(changed['ReadRole'])).toContain('kms:GenerateDataKey');
    expect(() => withOptions({ kmsKey: 'alias/mine' })).toThrow('kmsKey must be the ARN of a key, not "alias/mine"');
  });

  it('let go of failed and rejected things alone, and only if asked', () => {
    const rulesOf = (changed: Resources) =>
      (changed['WorkBucket']!.Properties!['LifecycleConfiguration'] as { Rules: { Prefix?: string }[] }).Rules;
    expect(rulesOf(withOptions({})).flatMap(({ Prefix }) => Prefix ?? [])).toEqual([]);
    const prefixes = rulesOf(withOptions({ failedDays: 90, rejectedDays: 30 })).flatMap(({ Prefix }) => Prefix ?? []);
    expect(prefixes).toEqual(['failed/', 'rejected/']);
    expect(() => withOptions({ failedDays: 0.5 })).toThrow('failedDays must be a whole number of days, not 0.5');
  });

  it('bound functions and keep them warm by their names', () => {
    const changed = withOptions({ reservedConcurrency: 'read=50', provisionedConcurrency: ' read=2 ' });
    expect(changed['ReadLambdaFunction']!.Properties).toMatchObject({ ReservedConcurrentExecutions: 50 });
    expect(changed['ReadVersion']!.Properties).toMatchObject({
      ProvisionedConcurrencyConfig: { ProvisionedConcurrentExecutions: 2 },
    });
    expect(() => withOptions({ reservedConcurrency: 'red=5' })).toThrow('names the function "red", which there is not');
    expect(() => withOptions({ reservedConcurrency: '50' })).toThrow('must be like "convert=50, read=20", not "50"');
  });

  it('log who reads and writes the buckets, each under a prefix of its own', () => {
    expect(withOptions({ accessLogBucket: 'logs' })['LakeBucket']!.Properties).toMatchObject({
      LoggingConfiguration: {
        DestinationBucketName: 'logs',
        LogFilePrefix: { 'Fn::Sub': '${AWS::StackName}/LakeBucket/' },
      },
    });
  });

  it('list the landing bucket into the work bucket, which lets S3 write there', () => {
    const changed = withOptions({ inventory: true });
    expect(JSON.stringify(changed['LandingBucket'])).toContain('inventory');
    expect(JSON.stringify(changed['WorkBucketPolicy'])).toContain('/inventory/*');
  });
});
