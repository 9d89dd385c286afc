import { describe, expect, it } from '@jest/globals';
import { registryOf } from '../../../shared/dataset/registry.ts';
import type { LoadRequest } from '../../../shared/dataset/request.ts';
import { groupByDataset, toRequest } from '../../../shared/dataset/to-request.ts';

const NOW = new Date('2024-03-01T00:30:00Z');

function request(input: unknown, environment: Record<string, string> = {}): LoadRequest {
  const places = { landing: 'landing', work: 'work', lake: 'lake' };
  const found = toRequest(input, { environment, datasets: registryOf([]), places, now: NOW });
  if ('nothing' in found) throw new Error('The input asks for nothing');
  return found;
}

describe("the older clustering pipelines' names", () => {
  const folders = { BUCKET: 'b', INPUT_FOLDER: 'in/', OUTPUT_FOLDER: 'out' };

  it('make a data set of a day, from the input or from the environment', () => {
    const { dataset, constants } = request({ day: 'mon', ...folders });
    expect(dataset.source).toMatchObject({
      bucket: 'b',
      prefix: 'in/day=mon/',
      format: 'distances',
      onNothing: 'fail',
    });
    expect(dataset.cluster).toMatchObject({ algorithm: 'DBSCAN', output: { bucket: 'b', path: 'out/day={day}' } });
    expect(constants['day']).toBe('mon');
    const around = request({ day: 'mon', MAX_RECORDS: 5 }, folders);
    expect(around.dataset).toEqual(dataset);
    expect(around.notices).toEqual(['MAX_RECORDS has no effect: there is no cap']);
    expect(request({ day: 20240105 }, folders).dataset.source.prefix).toBe('in/day=20240105/');
    expect(request({ day: 'tue' }, folders).dataset.name).toBe(dataset.name);
    expect(request({ day: 'tue' }, { ...folders, INPUT_FOLDER: 'other' }).dataset.name).not.toBe(dataset.name);
  });

  it('ask for each day of an event whole', () => {
    const s3 = (key: string) => ({
      eventSource: 'aws:s3',
      eventName: 'ObjectCreated:Put',
      s3: { bucket: { name: 'b' }, object: { key } },
    });
    const places = { landing: 'landing', work: 'work', lake: 'lake' };
    const context = { environment: folders, datasets: registryOf([]), places, now: NOW };
    const keys = ['in/day%3Da/1.csv.gz', 'in/day=b/1.csv.gz', 'in/day=a/2.csv.gz'];
    const { requests } = groupByDataset({ Records: keys.map(s3) }, context);
    expect(
      requests.map(({ dataset, objects, constants, whole }) => [
        dataset.source.prefix,
        objects,
        constants['day'],
        whole,
      ]),
    ).toEqual([
      ['in/day=a/', undefined, 'a', true],
      ['in/day=b/', undefined, 'b', true],
    ]);
  });

  it('make a data set of an hour of lightning: the one that is named, or the one that has ended', () => {
    const { dataset, referenceTime } = request({ S3_BUCKET: 'noaa-goes18' });
    expect(referenceTime).toBe('2024-02-29T23:30:00.000Z');
    expect(dataset.source).toMatchObject({
      prefix: 'GLM-L2-LCFA/{yyyy}/{ooo}/{HH}/',
      format: 'glm',
      access: { unsigned: true },
    });
    expect(dataset.cluster?.params).toEqual({ n_clusters: 12 });
    const named = request({ GOES_YEAR: 2018, GOES_DOY: '183', GOES_HOUR: '04', NUM_OF_CLUSTERS: '7' });
    expect(named.referenceTime).toBe('2018-07-02T04:00:00.000Z');
    expect(named.dataset.cluster?.params).toEqual({ n_clusters: 7 });
    expect(named.dataset.source.bucket).toBe('noaa-goes18');
    const around = request({ GOES_HOUR: 5 }, { S3_BUCKET: 'noaa-goes16', GOES_YEAR: '2020', GOES_DOY: '1' });
    expect(around.referenceTime).toBe('2020-01-01T05:00:00.000Z');
    expect(around.dataset.source.bucket).toBe('noaa-goes16');
  });

  it('are refused where they make no sense, or are of two pipelines', () => {
    expect(() => request({ ...folders })).toThrow('names no day');
    expect(() => request({ day: 'a/b', ...folders })).toThrow('day must be the name of a folder');
    expect(() => request({ day: 'a', S3_BUCKET: 'x' })).toThrow('mixes');
    expect(() => request({ day: 'a' })).toThrow('needed for a day of distances');
    expect(() => request({ day: 'a', ...folders, ALGORITHM: 'KMeans' })).toThrow('Cannot run KMeans on distances');
    expect(() => request({ day: 'a', ...folders, HYPER_PARAMS: '[' })).toThrow('Cannot read HYPER_PARAMS as JSON');
    expect(() => request({ day: 'a', ...folders, OUTPUT_FOLDER: 'in' })).toThrow('lie one inside the other');
    expect(() => request({ GOES_HOUR: 24 })).toThrow('GOES_HOUR must be a whole number from 0 to 23');
  });
});
