import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { describeGranule, readGranule } from '../../../../shared/formats/glm/granule.ts';
import { identityOfName, nameOfIdentity } from '../../../../shared/formats/glm/identity.ts';
import { withNetcdf } from '../../../../shared/formats/glm/netcdf.ts';
import type { PlainColumn } from '../../../../shared/formats/parquet/write-columns.ts';
import { describeWithSharedData, SHARED_DATA } from '../../../setup/available.ts';

const FOLDER = join(SHARED_DATA, 'glm/');

interface Expected {
  vars: Record<string, { count?: number; min?: number; max?: number; sum?: number; masked: number }>;
}

describeWithSharedData('real granules', () => {
  const files = existsSync(FOLDER) ? readdirSync(FOLDER).filter((name) => name.endsWith('.nc')) : [];
  const expected =
    files.length > 0 ? (JSON.parse(readFileSync(`${FOLDER}expected.json`, 'utf8')) as Record<string, Expected>) : {};

  it.each(files)('%s has the values that netCDF4 reads', async (name) => {
    const bytes = readFileSync(FOLDER + name);
    const wanted = expected[name]!.vars;
    await withNetcdf(bytes, name, (file) => {
      expect(file.names().sort()).toEqual(Object.keys(wanted).sort());
      for (const [variable, { count = 0, min, max, sum, masked }] of Object.entries(wanted)) {
        const { values, missing } = file.variable(variable);
        const present = [...values].filter((_, i) => missing?.[i] !== 1);
        expect([variable, present.length, values.length - present.length]).toEqual([variable, count, masked]);
        if (count === 0) continue;
        expectClose(Math.min(...present), min!);
        expectClose(Math.max(...present), max!);
        expectClose(
          present.reduce((all, value) => all + value, 0),
          sum!,
        );
      }
    });
  });

  it.each(files)('%s comes out as three tables with all rows and no value lost', async (name) => {
    const { tables, identity } = await readGranule(readFileSync(FOLDER + name), name);
    const wanted = expected[name]!.vars;
    expect(tables.map(({ rows }) => rows)).toEqual([
      wanted['flash_id']!.count,
      wanted['group_id']!.count,
      wanted['event_id']!.count,
    ]);
    for (const { columns } of tables) {
      for (const { name: column, values, nulls } of columns) {
        const golden = wanted[column];
        if (!golden) continue;
        const numbers = values as Float64Array;
        expect(nulls).toBeUndefined();
        expectClose(
          numbers.reduce((all, value) => all + value, 0),
          golden.sum!,
        );
      }
    }
    expect(identity).toEqual({ ...identityOfName(name)!, created: identity.created });
    expect(new Date(identity.start / 1000).toISOString()).toMatch(/^2018-07-02T04:33:[04]0.000Z$/);
    expect(identity.satellite).toBe('G16');
    // Every child has its parent in the granule.
    const [flashes, groups, events] = tables as [Table, Table, Table];
    expect(orphans(groups, 'group_parent_flash_id', flashes, 'flash_id')).toBe(0);
    expect(orphans(events, 'event_parent_group_id', groups, 'group_id')).toBe(0);
    expect(await describeGranule(readFileSync(FOLDER + name), name)).toEqual({
      flashes: flashes.rows,
      groups: groups.rows,
      events: events.rows,
    });
  });

  it('makes times of microseconds, and keeps flashes that share one', async () => {
    const { tables } = await readGranule(readFileSync(FOLDER + files[0]!), files[0]!);
    const columns = tables[0]!.columns;
    const times = column(columns, 'flash_time_of_first_event');
    const offsets = column(columns, 'flash_time_offset_of_first_event');
    expect(new Date(times[0]! / 1000).toISOString()).toBe('2018-07-02T04:32:59.270Z');
    expect(times.every((time, i) => time === Date.UTC(2018, 6, 2, 4, 33) * 1000 + offsets[i]! * 1000)).toBe(true);
    expect(new Set(times).size).toBeLessThan(times.length);
  });

  it('keeps what a box and a list of variables ask for, children with their flashes', async () => {
    const bytes = readFileSync(FOLDER + files[0]!);
    const box = { west: -90, south: 0, east: -80, north: 30 };
    const all = await readGranule(bytes, files[0]!);
    const { tables } = await readGranule(bytes, files[0]!, { box, variables: ['flash_lat'] });
    const latitudes = column(all.tables[0]!.columns, 'flash_lat');
    const longitudes = column(all.tables[0]!.columns, 'flash_lon');
    const inside = latitudes.filter(
      (lat, i) => lat >= 0 && lat <= 30 && longitudes[i]! >= -90 && longitudes[i]! <= -80,
    );
    expect(inside.length).toBeGreaterThan(0);
    expect([...column(tables[0]!.columns, 'flash_lat')]).toEqual([...inside]);
    expect(tables[0]!.columns.map(({ name }) => name)).toEqual([
      'flash_id',
      'flash_lat',
      'satellite',
      'granule_start',
      'granule_end',
      'granule_created',
    ]);
    expect(orphans(tables[1]!, 'group_parent_flash_id', tables[0]!, 'flash_id')).toBe(0);
    expect(orphans(tables[2]!, 'event_parent_group_id', tables[1]!, 'group_id')).toBe(0);
    expect(tables[2]!.rows).toBeGreaterThan(0);
  });

  it('names what is cut short or damaged', async () => {
    const bytes = readFileSync(FOLDER + files[0]!);
    await expect(readGranule(bytes.subarray(0, bytes.length / 2), 's3://b/cut.nc')).rejects.toMatchObject({
      name: 'CorruptFile',
      where: 's3://b/cut.nc',
      message: expect.stringContaining('s3://b/cut.nc'),
    });
    // Every stretch of the file's second half: some lie in chunks, which must not read as garbage.
    const outcomes = new Set<string>();
    for (let at = 100_000; at < bytes.length - 4_000; at += 60_000) {
      const damaged = Buffer.from(bytes);
      damaged.fill(0x5a, at, at + 4_000);
      outcomes.add(
        await readGranule(damaged, 'd.nc').then(
          () => 'read',
          (error: Error) => error.name,
        ),
      );
    }
    expect([...outcomes].filter((outcome) => outcome !== 'read')).toEqual(['CorruptFile']);
  });
});

type Table = Awaited<ReturnType<typeof readGranule>>['tables'][number];

function column(columns: readonly PlainColumn[], name: string): Float64Array {
  return columns.find((found) => found.name === name)!.values as Float64Array;
}

function orphans(child: Table, parentId: string, parent: Table, id: string): number {
  const ids = new Set(column(parent.columns, id));
  return column(child.columns, parentId).filter((value) => !ids.has(value)).length;
}

function expectClose(actual: number, wanted: number): void {
  expect(Math.abs(actual - wanted)).toBeLessThanOrEqual(1e-9 * Math.abs(wanted));
}

describe('the name of a granule', () => {
  it('says its satellite and times, to the tenth of a second', () => {
    const name = 'OR_GLM-L2-LCFA_G16_s20181830433000_e20181830433200_c20181830433231.nc';
    const identity = identityOfName(`s3://noaa-goes16/GLM-L2-LCFA/2018/183/04/${name}`)!;
    expect(new Date(identity.end / 1000).toISOString()).toBe('2018-07-02T04:33:20.000Z');
    expect(new Date(identity.created / 1000).toISOString()).toBe('2018-07-02T04:33:23.100Z');
    expect(nameOfIdentity(identity)).toBe(name);
    expect(identityOfName('other.nc')).toBeUndefined();
  });
});
