import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createBucket, directoryObjectStore } from '../../../shared/adapters/directory-object-store.ts';
import { describeObjectStore } from '../../contract/object-store.ts';

describeObjectStore(
  'a directory',
  async () => {
    const root = await mkdtemp(join(tmpdir(), 'directory-store-'));
    let buckets = 0;
    return {
      store: directoryObjectStore(root),
      async newBucket() {
        const bucket = `bucket-${buckets++}`;
        await createBucket(root, bucket);
        return bucket;
      },
      close: () => rm(root, { recursive: true, force: true }),
    };
  },
  { largeBytes: 20_000_000, propertyRuns: 100 },
);
