import { describe, expect, it } from '@jest/globals';
import type { DatasetDefinition } from '../../../shared/dataset/dataset.ts';
import { checkPlaces, mirrorRelative, outputsOf } from '../../../shared/dataset/places.ts';
import { tableFolder } from '../../../shared/domain/tables.ts';
import { BadDataset, OutputInsideSource } from '../../../shared/errors.ts';
import { dataset, PLACES } from './contexts.ts';

const check = (definition: Partial<DatasetDefinition>, places = PLACES) =>
  checkPlaces(dataset('t', definition), places);
const ONE = { landing: 'one', work: 'one', lake: 'one' };

describe('checkPlaces', () => {
  it('takes sources and outputs in different buckets, or beside one another', () => {
    check({ source: { prefix: '' } });
    check({ source: { prefix: 'in/' } }, ONE);
    check({ source: { bucket: 'lake', prefix: 'db/other/' } });
    check({ source: { bucket: 'lake', prefix: 'db/t2/' } });
    check({ source: { bucket: 'lake', prefix: 'csv/' }, target: { layout: 'mirror', database: undefined } });
  });

  it.each<[string, Partial<DatasetDefinition>]>([
    ['the whole bucket', { source: { bucket: 'lake', prefix: '' } }],
    ['a folder around the table', { source: { bucket: 'lake', prefix: 'db/' } }],
    ['the start of its name', { source: { bucket: 'lake', prefix: 'd' } }],
    ['a folder in the table', { source: { bucket: 'lake', prefix: 'db/t/year=2024/' } }],
    ['the folder of the Avro files', { source: { bucket: 'lake', prefix: 'db/t_av' }, target: avro() }],
    ['a date that may be the path', { source: { bucket: 'lake', prefix: '{yyyy}/' }, target: path('2024') }],
    ['whatever a glob leaves out', { source: { bucket: 'lake', prefix: '', glob: '*.csv' } }],
    ['the target bucket', { source: { bucket: 'mine', prefix: 'db/' }, target: { database: 'db', bucket: 'mine' } }],
    ['the mirror', { source: { bucket: 'lake', prefix: '' }, target: { layout: 'mirror', database: undefined } }],
    ['runs', { source: { bucket: 'work', prefix: 'runs/' } }],
    ['part of what is Sluice’s own', { source: { bucket: 'work', prefix: 'loaded/t/' } }],
    ['all of what is Sluice’s own', { source: { bucket: 'work', prefix: '' } }],
  ])('refuses a source that is %s', (_, definition) => {
    expect(() => check(definition)).toThrow(OutputInsideSource);
  });

  it('names both places', () => {
    expect(() => check({ source: { bucket: 'lake', prefix: 'db/' } })).toThrow(
      'Cannot load data set t: its source s3://lake/db/ and the table db.t at s3://lake/db/t/ lie one inside the other, so that a load would start another',
    );
  });

  it('refuses a table among what is Sluice’s own', () => {
    expect(() => check({ source: { prefix: 'in/' }, target: path('runs') }, ONE)).toThrow(
      new BadDataset(
        "Cannot load data set t: the table db.t at s3://one/runs/t/ would lie among Sluice's own files at s3://one/runs/; say another target.path",
      ),
    );
  });
});

describe('places of outputs', () => {
  it('are a folder a format', () => {
    const tables = dataset('t', { target: { database: 'db', path: 'a/b', formats: ['parquet', 'avro', 'csv'] } });
    expect(outputsOf(tables, PLACES).map(({ prefix }) => prefix)).toEqual(['a/b/t/', 'a/b/t_avro/', 'a/b/t_csv/']);
    expect(tableFolder(dataset('t').target, 'avro')).toBe('db/t_avro/');
    const mirror = dataset('m', { target: { layout: 'mirror', path: 'out', formats: ['parquet', 'avro'] } });
    expect(outputsOf(mirror, PLACES).map(({ prefix }) => prefix)).toEqual(['out/parquet/', 'out/avro/']);
  });

  it('keep the part of a mirrored key that days do not share', () => {
    const mirror = (prefix: string, mirrorFrom?: string) =>
      dataset('m', { source: { prefix }, target: { layout: 'mirror', ...(mirrorFrom ? { mirrorFrom } : {}) } });
    expect(mirrorRelative(mirror('csv/'), 'csv/2024/x.csv')).toBe('2024/x.csv');
    expect(mirrorRelative(mirror('csv/{yyyy}/'), 'csv/2023/x.csv')).toBe('2023/x.csv');
    expect(mirrorRelative(mirror('csv/part-'), 'csv/part-1.csv')).toBe('part-1.csv');
    expect(mirrorRelative(mirror('', 'csv/'), 'csv/x.csv')).toBe('x.csv');
    expect(mirrorRelative(mirror('', 'csv/'), 'other/x.csv')).toBe('other/x.csv');
  });
});

function avro(): DatasetDefinition['target'] {
  return { database: 'db', formats: ['avro'] };
}

function path(folder: string): DatasetDefinition['target'] {
  return { database: 'db', path: folder };
}
