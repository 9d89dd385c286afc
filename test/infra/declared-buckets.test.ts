import { describe, expect, it } from '@jest/globals';
import { lakeBuckets, lakeObjects, sourceBuckets, sourceObjects, sourceRoles } from '../../infra/declared-buckets.ts';
import type { Serverless } from '../../infra/declared-datasets.ts';
import type { DatasetDefinition } from '../../shared/dataset/dataset.ts';
import { parseDataset } from '../../shared/dataset/parse.ts';

const given = (parameters: Record<string, string> = {}): Serverless => ({
  resolveVariable: async (variable) => parameters[variable.replace('param:', '')] ?? '',
});
const nothing = given();
const target = { database: 'shop', table: 'sales' };
const datasets = (...definitions: Partial<DatasetDefinition>[]) =>
  definitions.map((definition, i) => parseDataset({ name: `d${i}`, target, ...definition } as never, 'the test'));

const sub = (arn: string) => ({ 'Fn::Sub': arn });

describe('what the roles may reach', () => {
  it("is the deployment's own buckets where nothing else is named", async () => {
    const own = datasets({});
    expect(await sourceBuckets(nothing, own)).toEqual([sub('${LandingBucket.Arn}')]);
    expect(await sourceObjects(nothing, own)).toEqual([sub('${LandingBucket.Arn}/*')]);
    expect(await lakeBuckets(nothing, own)).toEqual([sub('${LakeBucket.Arn}')]);
    expect(await lakeObjects(nothing, own)).toEqual([sub('${LakeBucket.Arn}/*')]);
  });

  it('grows by the buckets that data sets and parameters name, once each', async () => {
    const own = datasets(
      { source: { bucket: 'raw' } },
      { source: { bucket: 'raw' }, target: { ...target, bucket: 'tables' } },
    );
    const parameters = given({ sourceBuckets: 'more, raw', lakeBuckets: 'tables' });
    expect(await sourceBuckets(parameters, own)).toEqual([
      sub('${LandingBucket.Arn}'),
      sub('arn:${AWS::Partition}:s3:::more'),
      sub('arn:${AWS::Partition}:s3:::raw'),
    ]);
    expect((await sourceObjects(parameters, own)).slice(1)).toEqual([
      sub('arn:${AWS::Partition}:s3:::more/*'),
      sub('arn:${AWS::Partition}:s3:::raw/*'),
    ]);
    expect((await lakeBuckets(parameters, own)).slice(1)).toEqual([sub('arn:${AWS::Partition}:s3:::tables')]);
    expect((await lakeObjects(parameters, own)).slice(1)).toEqual([sub('arn:${AWS::Partition}:s3:::tables/*')]);
  });

  it('knows access points by their ARN', async () => {
    const point = 'arn:aws:s3:eu-west-1:123456789012:accesspoint/raw';
    const own = datasets({ source: { bucket: point } });
    expect((await sourceBuckets(nothing, own)).slice(1)).toEqual([point]);
    expect((await sourceObjects(nothing, own)).slice(1)).toEqual([`${point}/object/*`]);
  });

  it('leaves out a bucket that is read unsigned or by another role, and may assume that role', async () => {
    const roleArn = 'arn:aws:iam::210987654321:role/reader';
    const own = datasets(
      { source: { bucket: 'public', access: { unsigned: true } } },
      { source: { bucket: 'theirs', access: { roleArn } } },
    );
    expect(await sourceBuckets(nothing, own)).toEqual([sub('${LandingBucket.Arn}')]);
    expect(await sourceRoles(nothing, own)).toEqual([
      sub('arn:${AWS::Partition}:iam::${AWS::AccountId}:role/${AWS::StackName}-source-*'),
      roleArn,
    ]);
  });
});
