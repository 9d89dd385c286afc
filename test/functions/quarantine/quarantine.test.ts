import { describe, expect, it } from '@jest/globals';
import type { QuarantineRecord } from '../../../shared/commit/quarantine.ts';
import { settle } from '../../../shared/commit/verdict.ts';
import type { DatasetDefinition } from '../../../shared/dataset/dataset.ts';
import { AccessDenied, BadInput } from '../../../shared/errors.ts';
import type { ObjectStore } from '../../../shared/ports/object-store.ts';
import { memoryObjectStore } from '../../doubles/memory-object-store.ts';
import { headOf, makeWorld, type World } from '../../doubles/world.ts';

const GOOD = 'id\n1\n2\n';
const BAD = 'id\n!\n3\n';
const MENDED = 'id\n3\n4\n';

function notes(more: Partial<DatasetDefinition> = {}, objects?: ObjectStore): World {
  return makeWorld({
    ...(objects ? { objects } : {}),
    datasets: [
      {
        name: 'notes',
        source: { prefix: 'notes/', pick: 'new' },
        target: { database: 'shop', table: 'notes' },
        ...more,
      },
    ],
  });
}

const ids = async (world: World) => (await world.rows('shop', 'notes')).map((row) => row['id']).sort();
const work = (key: string) => ({ bucket: 'work', key });

/** A day later: what is written now is newer than what was there. */
function nextDay(world: World): void {
  world.clock.time = new Date(world.clock.time.getTime() + 86_400_000);
}

async function recordsOf(world: World): Promise<QuarantineRecord[]> {
  const keys = (await world.workKeys('failed/')).filter((key) => key.endsWith('.error.json'));
  return Promise.all(
    keys.map(async (key) => JSON.parse(Buffer.from(await world.ports.objects.read(work(key))).toString('utf8'))),
  );
}

const linesOf = (outcome: { history: { source: string | null; source_status: string; error_name: string | null }[] }) =>
  outcome.history.map(({ source, source_status, error_name }) => [source, source_status, error_name]);

describe('an object that fails', () => {
  it('is told of in full', async () => {
    const world = notes();
    await world.put('notes/good.csv', GOOD);
    await world.put('notes/bad.csv', BAD);
    const outcome = await world.run({ dataset: 'notes' });
    const [info] = await Array.fromAsync(world.ports.objects.list('landing', 'notes/bad.csv'));
    const key = `failed/notes/2026-01-02/${outcome.run}/notes/bad.csv`;
    expect(await world.workKeys('failed/')).toEqual([key, `${key}.error.json`]);
    const [copy] = await Array.fromAsync(world.ports.objects.list('work', key));
    expect(await recordsOf(world)).toEqual([
      {
        dataset: 'notes',
        run: outcome.run,
        at: '2026-01-02T03:04:05.000Z',
        step: 'convert',
        attempts: 1,
        source: {
          uri: 's3://landing/notes/bad.csv',
          etag: info!.etag,
          sizeBytes: BAD.length,
          lastModified: '2026-01-02T03:04:05.000Z',
        },
        error: { name: 'TooManyRejects', message: expect.stringContaining('s3://landing/notes/bad.csv') },
        copy: key,
        copyEtag: copy!.etag,
      },
    ]);
    expect(await ids(world)).toEqual(['1', '2']);
  });

  it('counts its attempts through redrives and mends that were none, and lies there once', async () => {
    const world = notes();
    await world.put('notes/bad.csv', BAD);
    let { run } = await world.run({ dataset: 'notes' });
    ({ run } = await world.run({ redrive: run }));
    await world.put('notes/bad.csv', `${BAD}!\n`);
    ({ run } = await world.run({ redrive: run }));
    expect(await recordsOf(world)).toMatchObject([{ run, attempts: 3 }]);
    const object = { bucket: 'landing', key: 'notes/bad.csv' };
    ({ run } = await world.run({ dataset: 'notes', objects: [object], force: true }));
    expect(await recordsOf(world)).toMatchObject([{ run, step: 'convert' }]);
  });

  it('comes in mended at its source by a redrive, and its history has both attempts', async () => {
    const world = notes();
    await world.put('notes/good.csv', GOOD);
    await world.put('notes/bad.csv', BAD);
    const first = await world.run({ dataset: 'notes' });
    await world.put('notes/bad.csv', MENDED);
    const second = await world.run({ redrive: first.run });
    expect(await ids(world)).toEqual(['1', '2', '3', '4']);
    expect(linesOf(first)).toContainEqual(['s3://landing/notes/bad.csv', 'quarantined', 'TooManyRejects']);
    expect(linesOf(second)).toEqual([['s3://landing/notes/bad.csv', 'loaded', null]]);
    expect(await world.workKeys('failed/')).toEqual([]);
  });

  it('comes in mended in quarantine, in the place of the version that failed', async () => {
    const world = notes();
    await world.put('notes/bad.csv', BAD);
    const first = await world.run({ dataset: 'notes' });
    const [record] = await recordsOf(world);
    await world.ports.objects.put(work(record!.copy!), MENDED);
    const second = await world.run({ redrive: first.run });
    expect(await ids(world)).toEqual(['3', '4']);
    expect(linesOf(second)).toEqual([['s3://landing/notes/bad.csv', 'loaded', null]]);
    expect(await world.workKeys('failed/')).toEqual([]);
    const { sources } = await headOf(world, 'notes');
    expect([...sources]).toEqual([[expect.any(String), 1]]);
    // The source has still what failed: it is loaded all the same, and no sweep takes it for new.
    const sweep = await world.run({ dataset: 'notes' });
    expect(sweep.endState).toBe('NothingToLoad');
    expect(await ids(world)).toEqual(['3', '4']);
  });

  it('comes in where its data set was mended, unless the run had asked for something else', async () => {
    const strict = notes();
    await strict.put('notes/bad.csv', BAD);
    const failed = await strict.run({ dataset: 'notes' });
    const asked = await strict.run({ dataset: 'notes', rejects: { share: 0.1 }, force: true });
    const lenient = notes({ rejects: { rows: 1 } }, strict.ports.objects);
    lenient.clock.time = new Date('2026-01-03T00:00:00Z');
    expect((await lenient.run({ redrive: asked.run })).error?.name).toBe('TooManyRejects');
    await strict.run({ dataset: 'notes', force: true });
    const [{ run }] = (await recordsOf(strict)) as [QuarantineRecord];
    expect((await lenient.run({ redrive: run })).status).toBe('SUCCEEDED');
    expect(failed.status).toBe('FAILED');
    expect(await ids(lenient)).toEqual(['3']);
    expect(await lenient.workKeys('failed/')).toEqual([]);
  });

  it('fails again as a copy under the name of its source', async () => {
    const world = notes();
    await world.put('notes/bad.csv', BAD);
    const first = await world.run({ dataset: 'notes' });
    const [{ source, copy }] = (await recordsOf(world)) as [QuarantineRecord];
    await world.ports.objects.put(work(copy!), `${BAD}!\n`);
    const second = await world.run({ redrive: first.run });
    expect(await recordsOf(world)).toMatchObject([
      { run: second.run, attempts: 2, source: { uri: source.uri, etag: source.etag } },
    ]);
    expect(linesOf(second)).toEqual([[source.uri, 'quarantined', 'TooManyRejects']]);
    expect(await world.workKeys('failed/')).toHaveLength(2);
  });

  it('is not put there where the table has it, to be loaded once more', async () => {
    const world = notes();
    await world.put('notes/a.csv', GOOD);
    await world.put('notes/b.csv', 'id\n3\n');
    for (const name of ['a', 'b'])
      await world.run({ dataset: 'notes', objects: [{ bucket: 'landing', key: `notes/${name}.csv` }] });
    const convert = world.steps['Convert']!;
    const again = await world.run(
      { dataset: 'notes', force: true, splitBytes: 1024 * 1024 },
      {
        async Convert(event, attempt) {
          await world.put('notes/a.csv', BAD);
          return convert(event, attempt);
        },
      },
    );
    expect(linesOf(again)).toEqual([
      ['s3://landing/notes/b.csv', 'loaded', null],
      ['s3://landing/notes/a.csv', 'none', 'ObjectChanged'],
    ]);
    expect(await world.workKeys('failed/')).toEqual([]);
    expect(await ids(world)).toEqual(['1', '2', '3']);
  });

  it('leaves quarantine when its event brings it mended', async () => {
    const world = notes();
    await world.put('notes/bad.csv', BAD);
    await world.run({ dataset: 'notes' });
    nextDay(world);
    await world.put('notes/bad.csv', MENDED);
    await world.run({ dataset: 'notes' });
    expect(await ids(world)).toEqual(['3', '4']);
    expect(await world.workKeys('failed/')).toEqual([]);
  });

  it('stays in quarantine when an older version of it is loaded late, or an object of another name', async () => {
    const world = notes();
    await world.put('notes/x.csv', GOOD);
    await world.put('notes/in/notes/x.csv', 'id\n8\n');
    const publish = world.steps['Publish']!;
    await world.run(
      { dataset: 'notes' },
      {
        async Publish(event, attempt) {
          nextDay(world);
          await world.put('notes/x.csv', BAD);
          await world.run({ dataset: 'notes' });
          return publish(event, attempt);
        },
      },
    );
    expect(await ids(world)).toEqual(['1', '2', '8']);
    expect(await recordsOf(world)).toMatchObject([{ source: { uri: 's3://landing/notes/x.csv' } }]);
  });

  it('tells what can no longer be redriven, and takes the rest', async () => {
    const world = notes({ quarantine: 'point' });
    await world.put('notes/a.csv', BAD);
    await world.put('notes/b.csv', BAD);
    const first = await world.run({ dataset: 'notes' });
    expect(await world.workKeys('failed/')).toHaveLength(2);
    await world.ports.objects.delete({ bucket: 'landing', key: 'notes/a.csv' });
    await world.put('notes/b.csv', MENDED);
    const second = await world.run({ redrive: first.run });
    expect(second.history[0]!.notices).toEqual([
      's3://landing/notes/a.csv is gone, and there is no copy of it in quarantine',
    ]);
    expect(await ids(world)).toEqual(['3', '4']);
    const third = await world.run({ redrive: first.run });
    expect(third.error).toMatchObject({ name: 'BadRequest' });
    expect(await recordsOf(world)).toMatchObject([{ source: { uri: 's3://landing/notes/a.csv' } }]);
  });
});

describe('a source of another store', () => {
  function publicNotes(quarantine: 'copy' | 'point') {
    const open = memoryObjectStore(['open']);
    const world = notes({
      quarantine,
      source: { bucket: 'open', prefix: 'notes/', pick: 'new', access: { unsigned: true } },
    });
    world.ports.sources = (access) => (access.unsigned ? open : world.ports.objects);
    return { world, put: (text: string) => open.put({ bucket: 'open', key: 'notes/bad.csv' }, text), open };
  }

  it.each(['copy', 'point'] as const)('is quarantined as its data set wants, and redriven: %s', async (quarantine) => {
    const { world, put } = publicNotes(quarantine);
    await put(BAD);
    const first = await world.run({ dataset: 'notes' });
    const [record] = await recordsOf(world);
    expect(record!.copy === undefined).toBe(quarantine === 'point');
    await put(MENDED);
    expect((await world.run({ redrive: first.run })).status).toBe('SUCCEEDED');
    expect(await ids(world)).toEqual(['3', '4']);
    expect(await world.workKeys('failed/')).toEqual([]);
  });

  it('is loaded from its copy, which lies in our own', async () => {
    const { world, put, open } = publicNotes('copy');
    await put(BAD);
    const first = await world.run({ dataset: 'notes' });
    const [record] = await recordsOf(world);
    await world.ports.objects.put(work(record!.copy!), MENDED);
    await open.delete({ bucket: 'open', key: 'notes/bad.csv' });
    expect((await world.run({ redrive: first.run })).status).toBe('SUCCEEDED');
    expect(await ids(world)).toEqual(['3', '4']);
  });
});

describe('a run that fails', () => {
  it('of its data set leaves sound objects where they are, for any other run', async () => {
    const world = notes();
    await world.put('notes/a.csv', GOOD);
    const wrong = await world.run({ dataset: 'notes', target: { partitionBy: ['nothing'] } });
    expect(wrong.error?.name).toBe('BadDataset');
    expect(linesOf(wrong)).toEqual([[null, 'none', 'BadDataset']]);
    expect(await world.workKeys('failed/')).toEqual([]);
    expect((await world.run({ dataset: 'notes' })).status).toBe('SUCCEEDED');
    expect(await ids(world)).toEqual(['1', '2']);
  });

  it('of its data set still puts aside what failed by itself', async () => {
    const world = notes();
    await world.put('notes/a.csv', GOOD);
    await world.put('notes/empty.csv', '');
    const wrong = () => Promise.reject(Object.assign(new BadInput('no'), { name: 'BadDataset' }));
    const outcome = await world.run({ dataset: 'notes' }, { Gather: wrong });
    expect(outcome.error?.name).toBe('BadDataset');
    expect((await recordsOf(world)).map(({ source, error }) => [source.uri, error.name])).toEqual([
      ['s3://landing/notes/empty.csv', 'EmptyObject'],
    ]);
    await world.run({ dataset: 'notes' });
    expect(await ids(world)).toEqual(['1', '2']);
  });

  it('of too many objects changes nothing, and a redrive brings all of them together', async () => {
    const world = notes({ failures: { share: 0.25 } });
    await world.put('notes/a.csv', GOOD);
    await world.run({ dataset: 'notes' });
    for (const name of ['b', 'c']) await world.put(`notes/${name}.csv`, BAD);
    await world.put('notes/d.csv', 'id\n9\n');
    const before = [
      await world.lakeKeys(),
      (await headOf(world, 'notes')).version,
      await world.ports.catalog.partitions('shop', 'notes'),
    ];
    const failed = await world.run({ dataset: 'notes' });
    expect(failed.error?.name).toBe('TooManyFailures');
    expect([
      await world.lakeKeys(),
      (await headOf(world, 'notes')).version,
      await world.ports.catalog.partitions('shop', 'notes'),
    ]).toEqual(before);
    expect((await recordsOf(world)).map(({ step, error }) => [step, error.name])).toEqual([
      ['convert', 'TooManyRejects'],
      ['convert', 'TooManyRejects'],
      ['run', 'TooManyFailures'],
    ]);
    // Alone, the sound one would come in against the data set's will.
    expect((await world.run({ dataset: 'notes' })).endState).toBe('NothingToLoad');
    for (const name of ['b', 'c']) await world.put(`notes/${name}.csv`, `id\n${name}\n`);
    expect((await world.run({ redrive: failed.run })).status).toBe('SUCCEEDED');
    expect(await ids(world)).toEqual(['1', '2', '9', 'b', 'c']);
    expect(await world.workKeys('failed/')).toEqual([]);
  });

  it('of another that took over its objects leaves those to it', async () => {
    const world = notes();
    await world.put('notes/a.csv', GOOD);
    const publish = world.steps['Publish']!;
    const overtaken = await world.run(
      { dataset: 'notes' },
      {
        async Publish(event, attempt) {
          const { run } = event as { run: string };
          const [claim] = await world.workKeys('claims/notes/');
          await settle(world.ports.objects, 'work', run, 'abort', 'other');
          await world.ports.objects.put(work(claim!), JSON.stringify({ run: 'other', executionId: 'other' }));
          return publish(event, attempt);
        },
      },
    );
    expect(overtaken.error?.name).toBe('RunAborted');
    expect(await world.workKeys('failed/')).toEqual([]);
    expect(linesOf(overtaken)).toEqual([[null, 'none', 'RunAborted']]);
  });

  it('says where: an address where one is known, the state otherwise', async () => {
    const world = notes();
    await world.put('notes/a.csv', GOOD);
    const where = (outcome: { error?: { cause: string } }) => JSON.parse(outcome.error!.cause).where;
    const failing = (error: Error) => () => Promise.reject(error);
    expect(where(await world.run({ dataset: 'notes' }, { Plan: failing(new TypeError('x is undefined')) }))).toBe(
      'Plan',
    );
    const again = { dataset: 'notes', force: true };
    const lost = Object.assign(new Error('gone'), { name: 'Lambda.Unknown' });
    expect(where(await world.run(again, { Publish: failing(lost) }))).toBe('Publish');
    await world.put('notes/a.csv', BAD);
    expect(where(await world.run(again))).toBe('s3://landing/notes/a.csv');
    expect(where(await world.run({ dataset: 'notes', target: { partitionBy: ['nothing'] }, force: true }))).toBe(
      'Plan',
    );
  });

  it('points to what it may not copy', async () => {
    const inner = memoryObjectStore();
    const copy: ObjectStore['copy'] = (from, to, options) =>
      to.key.startsWith('failed/') ? Promise.reject(new AccessDenied('no tags')) : inner.copy(from, to, options);
    const world = notes({}, { ...inner, copy });
    await world.put('notes/bad.csv', BAD);
    await world.run({ dataset: 'notes' });
    const [record] = await recordsOf(world);
    expect(record).toMatchObject({ step: 'convert', source: { uri: 's3://landing/notes/bad.csv' } });
    expect(record!.copy).toBeUndefined();
  });
});
