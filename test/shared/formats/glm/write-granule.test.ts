import { describe, expect, it } from '@jest/globals';
import { File, ready } from 'h5wasm';
import { madeGranules } from '../../../../local/demo/storms.ts';
import { readGranule, wrapLongitude } from '../../../../shared/formats/glm/granule.ts';
import { writeGranule } from '../../../../shared/formats/glm/write-granule.ts';

const START = Date.UTC(2024, 0, 5, 13) * 1000;
const identity = { satellite: 'G18', start: START, end: START + 20e6, created: START + 23_100_000 };
const flash = { lat: 10, lon: -60, area: 500, energy: 1e-14, firstMs: -100, lastMs: 40 };
const group = { flash: 0, lat: 10, lon: -60, area: 100, energy: 1e-14, timeMs: -100 };
const event = { group: 0, lat: 10, lon: -60, energy: 1e-14, timeMs: -100 };
const firstIds = { flash: 65_000, group: 4_000_000_000, event: 4_100_000_000 };

describe('a granule that was written', () => {
  it('is read with its numbers, unsigned ones too', async () => {
    const bytes = await writeGranule({ identity, flashes: [flash, flash], groups: [group], events: [event], firstIds });
    const granule = await readGranule(bytes, 'a.nc');
    expect(granule.identity).toEqual(identity);
    const values = Object.fromEntries(
      granule.tables.flatMap(({ columns }) => columns.map(({ name, values }) => [name, values])),
    ) as Record<string, Float64Array>;
    expect([...values['flash_id']!]).toEqual([65_000, 65_001]);
    expect([...values['event_parent_group_id']!]).toEqual([4_000_000_000]);
    expect(values['flash_time_of_last_event']![0]).toBe(START + 40_000);
    expect(values['event_lat']![0]).toBeCloseTo(10, 2);
    expect([...values['flash_area_overflow']!]).toEqual([0, 0]);
  });

  it('of no flash at all is three empty tables', async () => {
    const bytes = await writeGranule({ identity, flashes: [], groups: [], events: [], firstIds });
    expect((await readGranule(bytes, 'a.nc')).tables.map(({ rows }) => rows)).toEqual([0, 0, 0]);
  });

  it('tells areas that were too large: flashes smaller than their own groups', async () => {
    const groups = [
      { ...group, area: 9_000 },
      { ...group, flash: 1 },
    ];
    const bytes = await writeGranule({ identity, flashes: [flash, flash], groups, events: [event], firstIds });
    const [flashes] = (await readGranule(bytes, 'a.nc')).tables;
    const column = (name: string) => flashes!.columns.find((found) => found.name === name)!;
    expect([...(column('flash_area_overflow').values as Float64Array)]).toEqual([1, 0]);
    expect([...column('flash_area').nulls!]).toEqual([1, 0]);
  });

  it('is told from other netCDF, which is named by its title', async () => {
    const { FS } = await ready;
    const file = new File('/other', 'w');
    file.create_attribute('title', 'Cloud and Moisture Imagery');
    file.create_dataset({ name: 'CMI', data: Float32Array.of(1, 2), shape: [2], dtype: '<f' });
    file.close();
    await expect(readGranule(FS.readFile('/other'), 's3://b/cmi.nc')).rejects.toMatchObject({
      name: 'UnknownFormat',
      message: expect.stringMatching(/s3:\/\/b\/cmi.nc .*Cloud and Moisture Imagery.*product_time/),
    });
    await expect(readGranule(Buffer.from('no HDF5 at all'), 'x')).rejects.toMatchObject({ name: 'CorruptFile' });
  });
});

describe('longitudes', () => {
  it('go round at the antimeridian', () => {
    expect([-190, 180, -180, 190.5, -75].map(wrapLongitude)).toEqual([170, -180, -180, -169.5, -75]);
  });
});

describe('made-up lightning', () => {
  it('is the same for the same seed, by the keys of the hour', async () => {
    const make = () => Array.fromAsync(madeGranules({ start: new Date('2024-01-05T13:00:00Z'), granules: 3 }));
    const [one, other] = [await make(), await make()];
    expect(one.map(({ key }) => key)).toEqual([
      'GLM-L2-LCFA/2024/005/13/OR_GLM-L2-LCFA_G18_s20240051300000_e20240051300200_c20240051300231.nc',
      'GLM-L2-LCFA/2024/005/13/OR_GLM-L2-LCFA_G18_s20240051300200_e20240051300400_c20240051300431.nc',
      'GLM-L2-LCFA/2024/005/13/OR_GLM-L2-LCFA_G18_s20240051300400_e20240051301000_c20240051301031.nc',
    ]);
    for (const [i, { bytes, key }] of one.entries()) {
      const { tables } = await readGranule(bytes, key);
      expect(tables.map(({ rows }) => rows)).toEqual(
        (await readGranule(other[i]!.bytes, key)).tables.map(({ rows }) => rows),
      );
      expect(tables[0]!.rows).toBeGreaterThan(10);
    }
  });
});
