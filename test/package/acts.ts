import { AsyncLocalStorage } from 'node:async_hooks';
import type { Catalog } from '../../shared/ports/catalog.ts';
import type { Executions } from '../../shared/ports/executions.ts';
import type { Address, ObjectStore } from '../../shared/ports/object-store.ts';
import type { Act } from './policy.ts';
import { STACK } from './template.ts';

/** What each step does to stores, catalog and executions, in IAM's words: what its role must allow. */
export interface ActRecord {
  /** By the step's name in the state machine; what the machine itself does under `MACHINE`. */
  acts: Map<string, Map<string, Act>>;
  /** Runs `work` in the name of a step. */
  as<T>(step: string, work: () => Promise<T>): Promise<T>;
  objects(store: ObjectStore): ObjectStore;
  catalog(catalog: Catalog): Catalog;
  executions(executions: Executions): Executions;
}

export const MACHINE = 'the state machine';

const GLUE = ['catalog', 'database/shop', 'table/shop/notes'];
const GLUE_SWAP = [
  'GetDatabase',
  'CreateDatabase',
  'GetTable',
  'CreateTable',
  'UpdateTable',
  'GetPartitions',
  'BatchCreatePartition',
  'BatchUpdatePartition',
  'BatchDeletePartition',
  // Glue's own policies ask for these beside those of a batch.
  'GetPartition',
  'CreatePartition',
  'UpdatePartition',
  'DeletePartition',
];

export function recordActs(): ActRecord {
  const current = new AsyncLocalStorage<string>();
  const acts: ActRecord['acts'] = new Map();

  function record(action: string, resource: string): void {
    const step = current.getStore() ?? MACHINE;
    const done = acts.get(step) ?? new Map<string, Act>();
    acts.set(step, done.set(`${action} ${resource}`, { action, resource }));
  }

  const onBucket = (action: string, bucket: string) => record(`s3:${action}`, `arn:aws:s3:::${bucket}`);
  const onObject = (action: string, { bucket, key }: Address) =>
    record(`s3:${action}`, `arn:aws:s3:::${bucket}/${key}`);

  /** Who may not list a bucket is told "forbidden" where a key is not there, which steps take for another failure. */
  function get(address: Address, pin: { versionId?: string } = {}): void {
    if (current.getStore() !== undefined) onBucket('ListBucket', address.bucket);
    onObject(pin.versionId === undefined ? 'GetObject' : 'GetObjectVersion', address);
  }

  function put(address: Address, condition?: object): void {
    onObject('PutObject', address);
    if (condition && 'ifMatch' in condition) onObject('GetObject', address);
  }

  const glue = (action: string) => {
    for (const resource of GLUE) record(`glue:${action}`, `arn:aws:glue:${STACK.region}:${STACK.account}:${resource}`);
  };
  const describe = (id: string) =>
    record(
      'states:DescribeExecution',
      `arn:aws:states:${STACK.region}:${STACK.account}:execution:${STACK.name}-load:${id.split(':').at(-1)}`,
    );

  return {
    acts,
    as: (step, work) => current.run(step, work),
    objects: (store) => ({
      ...store,
      async head(address, condition) {
        get(address, condition);
        return store.head(address, condition);
      },
      async read(address, options) {
        get(address, options);
        return store.read(address, options);
      },
      async stream(address, options) {
        get(address, options);
        return store.stream(address, options);
      },
      async download(address, path, options) {
        get(address, options);
        return store.download(address, path, options);
      },
      async put(address, body, options) {
        put(address, options?.condition);
        return store.put(address, body, options);
      },
      async upload(path, address, options) {
        put(address, options?.condition);
        // A large file goes in parts, which are given up where one fails.
        onObject('AbortMultipartUpload', address);
        return store.upload(path, address, options);
      },
      async copy(from, to, options) {
        get(from);
        put(to, options?.condition);
        onObject('AbortMultipartUpload', to);
        if (from.bucket === 'landing' || from.key.startsWith('failed/')) {
          // What others put may have tags, which a copy takes along.
          onObject('GetObjectTagging', from);
          onObject('PutObjectTagging', to);
        }
        return store.copy(from, to, options);
      },
      async delete(address, options) {
        onObject('DeleteObject', address);
        return store.delete(address, options);
      },
      async deleteMany(bucket, keys) {
        for (const key of keys) onObject('DeleteObject', { bucket, key });
        return store.deleteMany(bucket, keys);
      },
      list(bucket, prefix, options) {
        onBucket('ListBucket', bucket);
        return store.list(bucket, prefix, options);
      },
    }),
    catalog: (catalog) => ({
      canRepartition: catalog.canRepartition,
      async table(database, table) {
        glue('GetTable');
        return catalog.table(database, table);
      },
      async partitions(database, table) {
        glue('GetTable');
        glue('GetPartitions');
        return catalog.partitions(database, table);
      },
      async swap(state) {
        GLUE_SWAP.forEach(glue);
        return catalog.swap(state);
      },
    }),
    executions: (executions) => ({
      async status(id) {
        describe(id);
        return executions.status(id);
      },
      async gone(id) {
        describe(id);
        return executions.gone(id);
      },
    }),
  };
}
