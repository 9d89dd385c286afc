import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { measureQuarantine } from '../../functions/quarantine-gauge.ts';
import { measureError, measureInvocation, measureOutput } from '../../functions/step-metrics.ts';
import { BadInput, ObjectStoreBusy } from '../../shared/errors.ts';
import { logger, metrics } from '../../shared/telemetry.ts';
import { memoryObjectStore } from '../doubles/memory-object-store.ts';

const told = jest.spyOn(metrics, 'addMetric');
const calls = { get: 1, put: 0, head: 0, list: 0, delete: 0, copy: 0 } as never;
const invocation = (step: string) => ({ step, startedAtMs: 1_000, callsBefore: calls });
const values = () => Object.fromEntries(told.mock.calls.map(([name, , value]) => [name, value]));

beforeEach(() => {
  told.mockReset();
});

describe('what an invocation tells', () => {
  it('is how long it took and what it asked of the store since it began', () => {
    measureInvocation(invocation('plan'), { ...(calls as object), get: 4 } as never, 3_500);
    expect(values()).toMatchObject({ Seconds: 2.5, ObjectStoreGet: 3, ObjectStorePut: 0 });
  });

  it('is what a conversion read, wrote and rejected, and how fast', () => {
    measureOutput(invocation('convert'), { rowsWritten: 9, rowsRejected: 1, bytesRead: 500 }, 3_000);
    expect(values()).toEqual({ RowsRead: 10, RowsWritten: 9, RowsRejected: 1, BytesRead: 500, BytesPerSecond: 250 });
  });

  it.each([
    ['schedule', 0, 1],
    ['schedule', 2, 0],
    ['sweep', 0, undefined],
    ['event', 0, undefined],
  ])('is what a %s found, %j objects: a schedule that found nothing counts', (trigger, objects, nothing) => {
    measureOutput(invocation('list-latest'), { trigger, sources: { objects, bytes: 7 } }, 2_000);
    expect(values()['ScheduledNothing']).toBe(nothing);
    expect(values()['ObjectsFound']).toBe(objects);
  });

  it('is how many objects failed', () => {
    measureOutput(invocation('gather'), { failed: 3 }, 2_000);
    expect(values()).toEqual({ ObjectsFailed: 3 });
  });

  it('is how many objects are in quarantine, and nothing where that cannot be told', async () => {
    const objects = memoryObjectStore();
    for (const name of ['a.csv', 'a.csv.error.json', 'b.csv.error.json']) {
      await objects.put({ bucket: 'work', key: `failed/d/2026-01-02/r/${name}` }, '');
    }
    const places = { landing: 'landing', work: 'work', lake: 'lake' };
    await measureQuarantine({ objects, places });
    expect(values()).toEqual({ ObjectsInQuarantine: 2 });
    told.mockReset();
    const warned = jest.spyOn(logger, 'warn').mockImplementation(() => undefined);
    await measureQuarantine({ objects, places: { ...places, work: 'none' } });
    expect(warned).toHaveBeenCalledTimes(1);
    expect(told).not.toHaveBeenCalled();
  });

  it('is a refusal for the number of requests, and no other error', () => {
    const single = jest.spyOn(metrics, 'singleMetric');
    const dimension = jest.fn();
    const add = jest.fn();
    single.mockReturnValue({ addDimension: dimension, addMetric: add } as never);
    measureError(new BadInput('a file is broken'));
    expect(add).not.toHaveBeenCalled();
    measureError(new ObjectStoreBusy('slow down'));
    expect(dimension).toHaveBeenCalledWith('error', 'ObjectStoreBusy');
    expect(add).toHaveBeenCalledWith('Throttled', 'Count', 1);
    single.mockRestore();
  });
});
