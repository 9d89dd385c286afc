import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { s3ObjectStore } from '../../../shared/adapters/s3-object-store.ts';
import { describeObjectStore } from '../../contract/object-store.ts';
import { describeWithMoto } from '../../setup/available.ts';

const MiB = 1024 * 1024;

describeWithMoto('S3', (endpoint) => {
  process.env['AWS_ACCESS_KEY_ID'] ??= 'test';
  process.env['AWS_SECRET_ACCESS_KEY'] ??= 'test';
  let buckets = 0;
  describeObjectStore(
    'S3',
    async () => {
      const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true });
      return {
        store: s3ObjectStore({
          endpoint,
          region: 'us-east-1',
          // S3 takes no smaller parts than this.
          limits: { partBytes: 5 * MiB, rangeBytes: 1 * MiB },
        }),
        async newBucket() {
          const Bucket = `contract-${process.pid}-${buckets++}`;
          await client.send(new CreateBucketCommand({ Bucket }));
          return Bucket;
        },
        async close() {
          client.destroy();
        },
      };
    },
    // moto's routes end at a line break.
    { largeBytes: 12 * MiB, propertyRuns: 20, takesKey: (key) => !key.includes('\n') },
  );
});
