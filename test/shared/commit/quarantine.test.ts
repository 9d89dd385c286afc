import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { claim } from '../../../shared/commit/claims.ts';
import { emptyState } from '../../../shared/commit/fold.ts';
import { quarantine } from '../../../shared/commit/quarantine.ts';
import { quarantined } from '../../../shared/commit/redrive.ts';
import type { RunRequest } from '../../../shared/commit/run-files.ts';
import { parseDataset } from '../../../shared/dataset/parse.ts';
import type { FailedSource } from '../../../shared/domain/load.ts';
import { type SourceObject, sourceId } from '../../../shared/domain/source.ts';
import { QUARANTINE_COPY_MAX_BYTES, QUARANTINE_FETCH_MAX_BYTES } from '../../../shared/limits.ts';
import type { ObjectStore } from '../../../shared/ports/object-store.ts';
import type { Ports } from '../../../shared/ports/ports.ts';
import { memoryObjectStore } from '../../doubles/memory-object-store.ts';
import { testPorts } from '../../doubles/ports.ts';

const ERROR = { name: 'BadInput', message: 'no' };

describe('quarantine', () => {
  let scratch: string;
  let ports: Ports;
  let open: ObjectStore;

  beforeEach(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'sluice-quarantine-'));
    open = memoryObjectStore(['open']);
    const inner = testPorts();
    ports = {
      ...inner,
      sources: (access) => (access.unsigned ? open : inner.objects),
      newScratch: () => mkdtemp(join(scratch, 's-')),
    };
  });
  afterEach(() => rm(scratch, { recursive: true, force: true }));

  function runOf(run: string, unsigned: boolean): RunRequest {
    const access = unsigned ? { unsigned: true } : {};
    const target = { database: 'db', table: 't' };
    return {
      run,
      executionId: run,
      startedAt: '2026-01-02T00:00:00.000Z',
      request: {
        dataset: parseDataset({ name: 'd', source: { prefix: 'in/', access }, target }, 'the test'),
        trigger: 'event',
        objects: undefined,
        referenceTime: '2026-01-02T00:00:00.000Z',
        constants: {},
        force: false,
        notices: [],
      },
    };
  }

  /** An object that a run has claimed, as large as it is said to be. */
  async function claimed(run: string, store: ObjectStore, bucket: string, sizeBytes: number): Promise<SourceObject> {
    const { etag } = await store.put({ bucket, key: 'in/a.csv' }, 'id\n1\n');
    const id = sourceId(bucket, 'in/a.csv', etag);
    const source = { id, bucket, key: 'in/a.csv', etag, sizeBytes, lastModified: '2026-01-01T00:00:00.000Z' };
    const claimant = { run, executionId: run, dataset: 'd', force: false, redrives: false };
    expect(await claim(ports, claimant, source, emptyState())).toBe('claimed');
    return source;
  }

  it.each([
    ['own', false, QUARANTINE_COPY_MAX_BYTES, true],
    ['own', false, QUARANTINE_COPY_MAX_BYTES + 1, false],
    ['public', true, QUARANTINE_FETCH_MAX_BYTES, true],
    ['public', true, QUARANTINE_FETCH_MAX_BYTES + 1, false],
  ])(
    'of an object in a bucket that is %s (unsigned: %s) with %d bytes keeps a copy: %s',
    async (_, unsigned, bytes, kept) => {
      const store = unsigned ? open : ports.objects;
      const source = await claimed('r', store, unsigned ? 'open' : 'landing', bytes);
      await quarantine(ports, runOf('r', unsigned), [{ source, step: 'read', error: ERROR }]);
      const [there] = await quarantined(ports, 'd');
      expect(there!.record).toMatchObject({ step: 'read', attempts: 1, source: { sizeBytes: bytes }, error: ERROR });
      expect(there!.record.copy !== undefined).toBe(kept);
    },
  );

  it('done twice by one run is done once', async () => {
    const source = await claimed('r', ports.objects, 'landing', 5);
    const failed: FailedSource[] = [{ source, step: 'read', error: ERROR }];
    const first = await quarantine(ports, runOf('r', false), failed);
    expect(await quarantine(ports, runOf('r', false), failed)).toEqual(first);
    expect(await quarantined(ports, 'd')).toMatchObject([{ record: { run: 'r', attempts: 1 } }]);
  });

  it('knows what a run left that died before its claim said so', async () => {
    const source = await claimed('r1', ports.objects, 'landing', 5);
    const dying: Ports = {
      ...ports,
      objects: {
        ...ports.objects,
        put: (address, ...rest) =>
          address.key.startsWith('claims/') ? Promise.reject(new Error('died')) : ports.objects.put(address, ...rest),
      },
    };
    const failed: FailedSource[] = [{ source, step: 'read', error: ERROR }];
    await expect(quarantine({ ...dying, sources: () => dying.objects }, runOf('r1', false), failed)).rejects.toThrow(
      'died',
    );
    const again = { run: 'r2', executionId: 'r2', dataset: 'd', force: false, redrives: false };
    expect(await claim(ports, again, source, emptyState())).toBe('claimed');
    expect(await quarantine(ports, runOf('r2', false), failed)).toEqual(failed);
    expect(await quarantined(ports, 'd')).toMatchObject([{ record: { run: 'r2', attempts: 2 } }]);
    // The first run's late attempt finds that the object is another's.
    expect(await quarantine(ports, runOf('r1', false), failed)).toEqual([{ ...failed[0], stays: true }]);
    expect(await quarantined(ports, 'd')).toMatchObject([{ record: { run: 'r2' } }]);
  });
});
