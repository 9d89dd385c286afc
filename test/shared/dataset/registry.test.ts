import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { checkPlaces } from '../../../shared/dataset/places.ts';
import { datasetNamed, readDatasets, registryOf } from '../../../shared/dataset/registry.ts';
import { BadDataset, UnknownDataset } from '../../../shared/errors.ts';
import { dataset, PLACES } from './contexts.ts';

describe('registryOf', () => {
  it('knows data sets by name, and no other', () => {
    const registry = registryOf([dataset('b'), dataset('a')]);
    expect(registry.all().map(({ name }) => name)).toEqual(['a', 'b']);
    expect(registry.get('a')?.target.table).toBe('a');
    expect(registry.get('constructor')).toBeUndefined();
    expect(() => datasetNamed('c-d', registry)).toThrow(
      new UnknownDataset('No data set is named "c-d"; there are a, b'),
    );
    expect(() => datasetNamed('a', registryOf([]))).toThrow('No data set is named "a"; there is none');
  });

  it('freezes them through and through', () => {
    const registry = registryOf([dataset('a')]);
    expect(Object.isFrozen(registry.get('a')?.target.compression)).toBe(true);
  });

  it('refuses a name or a table that two have', () => {
    expect(() => registryOf([dataset('a'), dataset('a')])).toThrow(new BadDataset('Two data sets are named "a"'));
    const avro = dataset('a', { target: { database: 'db', formats: ['parquet', 'avro'] } });
    const meets = dataset('b', { target: { database: 'db', table: 'a_avro' } });
    expect(() => registryOf([avro, meets])).toThrow('The data sets "a" and "b" both write the table db.a_avro');
    const mirrors = ['m', 'n'].map((name) => dataset(name, { target: { layout: 'mirror', database: undefined } }));
    expect(registryOf(mirrors).all()).toHaveLength(2);
  });

  it('refuses a table whose folder holds another data set’s, which would be tidied away there', () => {
    const outer = dataset('a', { target: { database: 'db', path: 'lake' } });
    const inner = dataset('b', { target: { database: 'db', path: 'lake/a/more' } });
    expect(() => registryOf([outer, inner])).toThrow(
      'the table db.a of the data set "a" would lie at lake/a/, the table db.b of "b" at lake/a/more/b/',
    );
    const mirror = dataset('m', { target: { layout: 'mirror', database: undefined, path: 'lake/a' } });
    expect(() => registryOf([outer, mirror])).toThrow("a table's folder is its own");
    const elsewhere = dataset('b', { target: { database: 'db', path: 'lake/a/more', bucket: 'other' } });
    const beside = dataset('c', { target: { database: 'db', path: 'lake' } });
    expect(registryOf([outer, elsewhere, beside]).all()).toHaveLength(3);
  });
});

describe('readDatasets', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'datasets-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('reads every YAML file and nothing else', async () => {
    await writeFile(join(folder, 'a.yml'), 'target: {database: d}');
    await writeFile(join(folder, 'b.yaml'), 'target: {database: d}');
    await writeFile(join(folder, 'dataset.schema.json'), '{}');
    expect((await readDatasets(folder)).all().map(({ name }) => name)).toEqual(['a', 'b']);
  });

  it('tells the problems of all files at once', async () => {
    await writeFile(join(folder, 'a.yml'), 'target: {}');
    await writeFile(join(folder, 'b.yml'), 'targt: {}');
    await expect(readDatasets(folder)).rejects.toThrow(/a\.yml: target\.database is missing.*\n.*b\.yml: 2 problems/s);
  });
});

describe('the data sets that come with Sluice', () => {
  it('are right, and begin with the line that editors read', async () => {
    const registry = await readDatasets(fileURLToPath(new URL('../../../datasets/', import.meta.url)));
    expect(registry.all().map(({ name }) => name)).toEqual(expect.arrayContaining(['birdstrikes', 'weather']));
    for (const each of registry.all()) checkPlaces(each, PLACES);
  });
});
