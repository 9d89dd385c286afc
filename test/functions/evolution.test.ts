import { describe, expect, it } from '@jest/globals';
import type { DatasetDefinition } from '../../shared/dataset/dataset.ts';
import type { PlainRow } from '../doubles/plain-engine.ts';
import { headOf, makeWorld, type World } from '../doubles/world.ts';

const FORMATS = ['parquet', 'avro', 'csv'] as const;
const TABLES = ['readings', 'readings_avro', 'readings_csv'];
const BIG = '9000000000';
/** Whole numbers are found as bigint. */
const INT = { schema: { id: 'string', v: 'int' } };
const INT_BY_DAY = { schema: { ...INT.schema, day: 'string' } };

function readings(
  over: Partial<DatasetDefinition> = {},
  target: Partial<DatasetDefinition['target']> = {},
): DatasetDefinition & { name: string } {
  return {
    name: 'readings',
    source: { prefix: 'in/', pick: 'new' },
    ...over,
    target: { database: 'lab', table: 'readings', mode: 'append', formats: [...FORMATS], ...target },
  };
}

async function land(world: World, files: Record<string, string>, asked: object = {}) {
  world.clock.time = new Date(world.clock.time.getTime() + 60_000);
  for (const [key, text] of Object.entries(files)) await world.put(`in/${key}`, text);
  return world.run({ dataset: 'readings', ...asked });
}

const sorted = (rows: PlainRow[]) => rows.map((row) => JSON.stringify(row)).sort();

async function typesOf(world: World): Promise<Record<string, string>[]> {
  const tables = await Promise.all(TABLES.map((table) => world.ports.catalog.table('lab', table)));
  return tables.map((table) => Object.fromEntries(table!.columns.map(({ name, type }) => [name, type])));
}

const stagedOf = async (world: World, table = 'readings') =>
  (await headOf(world, 'readings')).tables.get(`lab.${table}`)!.files.map((file) => file.staged);

/** One run, which another overtakes before it commits. */
async function overtaken(world: World, files: Record<string, string>, other: () => Promise<unknown>, asked = {}) {
  world.clock.time = new Date(world.clock.time.getTime() + 60_000);
  for (const [key, text] of Object.entries(files)) await world.put(`in/${key}`, text);
  let done: Promise<unknown> | undefined;
  const outcome = await world.run(
    { dataset: 'readings', ...asked },
    {
      async Publish(event, attempt) {
        done ??= other();
        await done;
        return world.steps.Publish(event, attempt);
      },
    },
  );
  const successors = await Promise.all(outcome.successors);
  return [outcome.endState, ...successors.map((run) => run.endState)];
}

describe('widening: rewrite', () => {
  it.each([
    ['int', 'bigint', 'bigint'],
    ['int', 'decimal(5,2)', 'decimal(12,2)'],
    ['bigint', 'decimal(38,4)', 'decimal(38,4)'],
    ['bigint', 'decimal(10,2)', 'decimal(21,2)'],
    ['float', 'double', 'double'],
    ['bigint', 'double', 'bigint'],
    ['int', 'string', 'int'],
    ['decimal(5,2)', 'decimal(8,2)', 'decimal(5,2)'],
    ['bigint', 'decimal(38,30)', 'bigint'],
  ] as const)('makes of %s and %s %s', async (before, found, after) => {
    const world = makeWorld({ datasets: [readings({ widening: 'rewrite' })] });
    await land(world, { 'a.csv': 'id,v\na,1\n' }, { schema: { id: 'string', v: before } });
    const outcome = await land(world, { 'b.csv': 'id,v\nb,2\n' }, { schema: { id: 'string', v: found } });
    expect(outcome.error).toBeUndefined();
    expect((await typesOf(world)).map((types) => types.v)).toEqual([after, after, after]);
  });

  it('takes a type that was found, and not declared, for the wider one', async () => {
    const world = makeWorld({ datasets: [readings({ widening: 'rewrite' })] });
    await land(world, { 'a.csv': 'id,v\na,1\n' });
    await land(world, { 'b.csv': 'id,v\nb,2.50\n' });
    expect((await typesOf(world)).map((types) => types.v)).toEqual(Array(3).fill('decimal(21,2)'));
  });

  it('writes every live file that has the column again in the same commit, in every format', async () => {
    const world = makeWorld({ datasets: [readings({ widening: 'rewrite' }, { partitionBy: ['day'] })] });
    await land(world, { '0.csv': 'id,day\n0,x\n' });
    await land(world, { 'a.csv': 'id,v,day\n1,1,x\n2,2,y\n' }, INT_BY_DAY);
    await land(world, { 'b.csv': 'id,v,day\n3,3,x\n' }, INT_BY_DAY);
    const before = await Promise.all(TABLES.map((table) => stagedOf(world, table)));
    const version = (await headOf(world, 'readings')).version;
    const outcome = await land(world, { 'c.csv': `id,v,day\n4,${BIG},z\n` });
    expect(outcome.status).toBe('SUCCEEDED');
    const head = await headOf(world, 'readings');
    expect(head.version).toBe(version + 1);
    for (const [i, table] of TABLES.entries()) {
      expect(sorted(await world.rows('lab', table))).toEqual(
        sorted([
          { id: '0', day: 'x' },
          { id: '1', v: '1', day: 'x' },
          { id: '2', v: '2', day: 'y' },
          { id: '3', v: '3', day: 'x' },
          { id: '4', v: BIG, day: 'z' },
        ]),
      );
      const after = await stagedOf(world, table);
      // The file that lacks the column is what it was.
      expect(before[i].filter((key) => after.includes(key))).toEqual([before[i][0]]);
      expect(after).toHaveLength(4);
      const live = head.tables.get(`lab.${table}`)!.files.map((file) => file.key);
      expect(await world.lakeKeys(`lab/${table}/`)).toEqual(live.sort());
    }
    expect((await typesOf(world)).map((types) => types.v)).toEqual(['bigint', 'bigint', 'bigint']);
    // It is done once: the next wide value finds the column as it is.
    const again = await stagedOf(world);
    await land(world, { 'd.csv': `id,v,day\n5,${BIG},y\n` });
    expect((await stagedOf(world)).filter((key) => again.includes(key))).toEqual(again);
  });

  it('leaves partitions to what replaces them, and widens the others', async () => {
    const target = { mode: 'overwrite-partitions' as const, partitionBy: ['day'] };
    const world = makeWorld({ datasets: [readings({ widening: 'rewrite' }, target)] });
    await land(world, { 'a.csv': 'id,v,day\n1,1,x\n2,2,y\n' }, INT_BY_DAY);
    const outcome = await land(world, { 'b.csv': `id,v,day\n3,${BIG},x\n` });
    expect(outcome.status).toBe('SUCCEEDED');
    for (const table of TABLES) {
      expect(sorted(await world.rows('lab', table))).toEqual(
        sorted([
          { id: '3', v: BIG, day: 'x' },
          { id: '2', v: '2', day: 'y' },
        ]),
      );
    }
    expect((await typesOf(world)).map((types) => types.v)).toEqual(['bigint', 'bigint', 'bigint']);
  });

  it('plans again what was planned for the narrower type, and what a file in it came between', async () => {
    const world = makeWorld({ datasets: [readings({ widening: 'rewrite' })] });
    await land(world, { 'a.csv': 'id,v\n1,1\n' }, INT);
    const narrow = await overtaken(
      world,
      { 'b.csv': 'id,v\n2,2\n' },
      () => land(world, { 'c.csv': `id,v\n3,${BIG}\n` }),
      INT,
    );
    expect(narrow).toEqual(['Superseded', 'Succeeded']);
    const wide = await overtaken(world, { 'd.csv': 'id,v\n4,1.50\n5,2.50\n' }, () =>
      land(world, { 'e.csv': 'id,v\n6,6\n' }),
    );
    expect(wide).toEqual(['Superseded', 'Succeeded']);
    for (const table of TABLES) {
      const rows = (await world.rows('lab', table)).map(({ id, v }) => `${id}: ${v}`).sort();
      expect(rows).toEqual(['1: 1', '2: 2', `3: ${BIG}`, '4: 1.50', '5: 2.50', '6: 6']);
    }
    const [{ v }] = await typesOf(world);
    expect(v).toBe('decimal(21,2)');
  });

  it('keeps the type of a partition column, and fails the object alone', async () => {
    const world = makeWorld({ datasets: [readings({ widening: 'rewrite' }, { partitionBy: ['v'] })] });
    await land(world, { 'a.csv': 'id,v\n1,1\n' });
    const outcome = await land(world, { 'b.csv': 'id,v\n2,1.50\n', 'c.csv': 'id,v\n3,1\n' });
    expect(outcome.status).toBe('SUCCEEDED');
    expect(outcome.history.map((line) => line.error_name)).toEqual([null, 'SchemaWouldWiden']);
  });

  it('goes together with rows that are replaced', async () => {
    const world = makeWorld({ datasets: [readings({ widening: 'rewrite' }, { onReupload: 'replace' })] });
    await land(world, { 'a.csv': 'id,v\n1,1\n', 'b.csv': 'id,v\n2,2\n' }, INT);
    await land(world, { 'a.csv': `id,v\n3,${BIG}\n` });
    for (const table of TABLES) {
      expect((await world.rows('lab', table)).map(({ id }) => id).sort()).toEqual(['2', '3']);
    }
    expect((await typesOf(world)).map((types) => types.v)).toEqual(['bigint', 'bigint', 'bigint']);
    await land(world, { 'b.csv': 'id,v\n4,4\n' });
    expect((await world.rows('lab', 'readings')).map(({ id }) => id).sort()).toEqual(['3', '4']);
  });
});

describe('widening: fail', () => {
  it('sets the object with wider values aside under its own error, and loads the others', async () => {
    const world = makeWorld({ datasets: [readings()] });
    await land(world, { 'a.csv': 'id,v\n1,1\n' });
    const outcome = await land(world, { 'b.csv': 'id,v\n2,2.50\n', 'c.csv': 'id,v\n3,3\n' });
    expect(outcome.status).toBe('SUCCEEDED');
    expect(outcome.history.map((line) => [line.source, line.error_name])).toEqual([
      ['s3://landing/in/c.csv', null],
      ['s3://landing/in/b.csv', 'SchemaWouldWiden'],
    ]);
    const alone = await land(world, { 'd.csv': 'id,v\n4,2.50\n' });
    expect(alone.error?.name).toBe('SchemaWouldWiden');
    expect((await typesOf(world)).map((types) => types.v)).toEqual(['bigint', 'bigint', 'bigint']);
  });

  it('never turns a bigint into a double', async () => {
    const world = makeWorld({ datasets: [readings({ widening: 'rewrite', rejects: { share: 1 } })] });
    await land(world, { 'a.csv': `id,v\n1,${BIG}\n` });
    await land(world, { 'b.csv': 'id,v\n2,1e300\n3,2.5e-7\n' });
    expect((await typesOf(world)).map((types) => types.v)).toEqual(['bigint', 'bigint', 'bigint']);
  });
});

describe('evolution', () => {
  it('rescue: keeps unknown columns as JSON by their own names, in every format', async () => {
    const world = makeWorld({ datasets: [readings({ evolution: 'rescue' })] });
    await land(world, { 'a.csv': 'id,v\n1,1\n' });
    expect(Object.keys((await typesOf(world))[0])).toEqual(['id', 'v', '_rescued']);
    const outcome = await land(world, {
      'b.csv': 'V,Cost Total $,ID,Note\n2,9.5,b,hello\n3,,c,\n',
      'c.csv': 'id,_rescued\nd,kept\n',
    });
    expect(outcome.status).toBe('SUCCEEDED');
    for (const table of TABLES) {
      expect(sorted(await world.rows('lab', table))).toEqual(
        sorted([
          { id: '1', v: '1', _rescued: null },
          { id: 'b', v: '2', _rescued: '{"Cost Total $":"9.5","Note":"hello"}' },
          { id: 'c', v: '3', _rescued: null },
          { id: 'd', v: null, _rescued: '{"_rescued":"kept"}' },
        ]),
      );
    }
    for (const types of await typesOf(world)) expect(types).toMatchObject({ _rescued: 'string' });
    expect(Object.keys((await typesOf(world))[0])).toEqual(['id', 'v', '_rescued']);
  });

  it('rescue: keeps what the schema does not declare, and adds what it does', async () => {
    const world = makeWorld({ datasets: [readings({ evolution: 'rescue', schema: ['id'] })] });
    await land(world, { 'a.csv': 'id,extra\n1,x\n' });
    expect(await world.rows('lab', 'readings')).toEqual([{ id: '1', _rescued: '{"extra":"x"}' }]);
    await land(world, { 'b.csv': 'id,extra,more\n2,y,z\n' }, { schema: ['id', 'extra'] });
    expect(sorted(await world.rows('lab', 'readings'))).toEqual(
      sorted([
        { id: '1', _rescued: '{"extra":"x"}' },
        { id: '2', _rescued: '{"more":"z"}', extra: 'y' },
      ]),
    );
  });

  it('add: matches columns by name in any order, adds new ones last, and leaves missing ones null', async () => {
    const world = makeWorld({ datasets: [readings()] });
    await land(world, { 'a.csv': 'id,First Value\n1,1\n' });
    await land(world, { 'b.csv': 'new,first_value,ID\nn,2,2\n', 'c.csv': 'id\n3\n' });
    expect(sorted(await world.rows('lab', 'readings'))).toEqual(
      sorted([
        { id: '1', first_value: '1' },
        { id: '2', first_value: '2', new: 'n' },
        { id: '3', first_value: null, new: null },
      ]),
    );
    expect(Object.keys((await typesOf(world))[0])).toEqual(['id', 'first_value', 'new']);
  });

  it('fail: sets the object with a new column aside, and loads the others', async () => {
    const world = makeWorld({ datasets: [readings({ evolution: 'fail' })] });
    await land(world, { 'a.csv': 'id\n1\n' });
    const outcome = await land(world, { 'b.csv': 'id,new\n2,x\n', 'c.csv': 'id\n3\n' });
    expect(outcome.history.map((line) => line.error_name)).toEqual([null, 'SchemaMismatch']);
    expect((await world.rows('lab', 'readings')).map(({ id }) => id).sort()).toEqual(['1', '3']);
  });
});
