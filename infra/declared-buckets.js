import { join } from 'node:path';
import { readDatasets } from '../shared/dataset/registry.ts';

/**
 * The buckets and roles that data sets and parameters name besides the deployment's own, as resources of the functions'
 * roles: serverless.yml asks while it is packaged. Each function here is one list. A data set that is wrong fails the
 * packaging.
 */
const DATASETS = join(import.meta.dirname, '..', 'datasets');

/** @typedef {{ resolveVariable(variable: string): Promise<unknown> }} Serverless */

/** Buckets that sources are in. @param {Serverless} serverless */
export async function sourceBuckets(serverless) {
  return [{ 'Fn::GetAtt': ['LandingBucket', 'Arn'] }, ...(await otherSources(serverless)).map(bucketArn)];
}

/** … and their objects. @param {Serverless} serverless */
export async function sourceObjects(serverless) {
  return [{ 'Fn::Sub': `\${LandingBucket.Arn}/*` }, ...(await otherSources(serverless)).map(objectsArn)];
}

/** Buckets that tables are in. @param {Serverless} serverless */
export async function lakeBuckets(serverless) {
  return [{ 'Fn::GetAtt': ['LakeBucket', 'Arn'] }, ...(await otherLakes(serverless)).map(bucketArn)];
}

/** … and their objects. @param {Serverless} serverless */
export async function lakeObjects(serverless) {
  return [{ 'Fn::Sub': `\${LakeBucket.Arn}/*` }, ...(await otherLakes(serverless)).map(objectsArn)];
}

/** Roles that open sources of other accounts: those named by data sets, and by their name those of this account. */
export async function sourceRoles() {
  const named = (await readDatasets(DATASETS)).all().map(({ source }) => source.access.roleArn);
  const byName = `arn:\${AWS::Partition}:iam::\${AWS::AccountId}:role/\${AWS::StackName}-source-*`;
  return [{ 'Fn::Sub': byName }, ...distinct(named)];
}

/** A source that is read unsigned or by another role needs no grant of ours. */
async function otherSources(serverless) {
  const own = (await readDatasets(DATASETS))
    .all()
    .filter(({ source }) => !source.access.unsigned && !source.access.roleArn);
  return distinct([...own.map(({ source }) => source.bucket), ...(await listed(serverless, 'sourceBuckets'))]);
}

async function otherLakes(serverless) {
  const named = (await readDatasets(DATASETS)).all().map(({ target }) => target.bucket);
  return distinct([...named, ...(await listed(serverless, 'lakeBuckets'))]);
}

/** A parameter of names with commas between them. */
async function listed({ resolveVariable }, parameter) {
  const names = String(await resolveVariable(`param:${parameter}`));
  return names.split(',').map((name) => name.trim());
}

/** Once each; what is not said is left out. */
function distinct(names) {
  return [...new Set(names.filter((name) => name !== undefined && name !== ''))].sort();
}

/** @param {string} bucket a name, or the ARN of an access point */
function bucketArn(bucket) {
  return bucket.startsWith('arn:') ? bucket : { 'Fn::Sub': `arn:\${AWS::Partition}:s3:::${bucket}` };
}

/** @param {string} bucket */
function objectsArn(bucket) {
  return bucket.startsWith('arn:') ? `${bucket}/object/*` : { 'Fn::Sub': `arn:\${AWS::Partition}:s3:::${bucket}/*` };
}
