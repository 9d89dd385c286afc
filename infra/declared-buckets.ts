import type { Dataset } from '../shared/dataset/dataset.ts';
import { declaredDatasets, type Serverless } from './declared-datasets.ts';

/**
 * The buckets and roles that data sets and parameters name besides the deployment's own, as resources of the functions'
 * roles: serverless.yml asks while it is packaged. Each exported function is one list.
 */

/** An ARN, or how CloudFormation makes it. */
type Resource = string | { 'Fn::Sub': string };

type Datasets = readonly Pick<Dataset, 'source' | 'target'>[];

/** Buckets that sources are in. */
export async function sourceBuckets(serverless: Serverless, datasets?: Datasets): Promise<Resource[]> {
  return [{ 'Fn::Sub': '${LandingBucket.Arn}' }, ...(await otherSources(serverless, datasets)).map(bucketArn)];
}

/** … and their objects. */
export async function sourceObjects(serverless: Serverless, datasets?: Datasets): Promise<Resource[]> {
  return [{ 'Fn::Sub': '${LandingBucket.Arn}/*' }, ...(await otherSources(serverless, datasets)).map(objectsArn)];
}

/** Buckets that tables are in. */
export async function lakeBuckets(serverless: Serverless, datasets?: Datasets): Promise<Resource[]> {
  return [{ 'Fn::Sub': '${LakeBucket.Arn}' }, ...(await otherLakes(serverless, datasets)).map(bucketArn)];
}

/** … and their objects. */
export async function lakeObjects(serverless: Serverless, datasets?: Datasets): Promise<Resource[]> {
  return [{ 'Fn::Sub': '${LakeBucket.Arn}/*' }, ...(await otherLakes(serverless, datasets)).map(objectsArn)];
}

/** Roles that open the sources of other accounts: those that data sets name, and by their name those of this account. */
export async function sourceRoles(_: Serverless, datasets?: Datasets): Promise<Resource[]> {
  const named = (datasets ?? (await declaredDatasets())).map(({ source }) => source.access.roleArn);
  const byName = 'arn:${AWS::Partition}:iam::${AWS::AccountId}:role/${AWS::StackName}-source-*';
  return [{ 'Fn::Sub': byName }, ...distinct(named)];
}

/** A source that is read unsigned or by another role needs no grant of ours. */
async function otherSources(serverless: Serverless, datasets?: Datasets): Promise<string[]> {
  const own = (datasets ?? (await declaredDatasets())).filter(
    ({ source }) => !source.access.unsigned && !source.access.roleArn,
  );
  return distinct([...own.map(({ source }) => source.bucket), ...(await listed(serverless, 'sourceBuckets'))]);
}

async function otherLakes(serverless: Serverless, datasets?: Datasets): Promise<string[]> {
  const named = (datasets ?? (await declaredDatasets())).map(({ target }) => target.bucket);
  return distinct([...named, ...(await listed(serverless, 'lakeBuckets'))]);
}

/** A parameter of names with commas between them. */
async function listed({ resolveVariable }: Serverless, parameter: string): Promise<string[]> {
  const names = String(await resolveVariable(`param:${parameter}`));
  return names.split(',').map((name) => name.trim());
}

/** Once each; what is not said is left out. */
function distinct(names: (string | undefined)[]): string[] {
  return [...new Set(names.filter((name) => name !== undefined).filter((name) => name !== ''))].sort();
}

/** Of a bucket's name, or the ARN of an access point. */
function bucketArn(bucket: string): Resource {
  return bucket.startsWith('arn:') ? bucket : { 'Fn::Sub': `arn:\${AWS::Partition}:s3:::${bucket}` };
}

function objectsArn(bucket: string): Resource {
  return bucket.startsWith('arn:') ? `${bucket}/object/*` : { 'Fn::Sub': `arn:\${AWS::Partition}:s3:::${bucket}/*` };
}
