import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { duckdbEngine } from '../../../shared/engine/duckdb-engine.ts';
import { queryLake, withLake } from '../../../shared/engine/lake-database.ts';
import { Session } from '../../../shared/engine/session.ts';

/** No test waits for its end: one that the interrupt does not reach runs into its time limit. */
const ENDLESS = 'SELECT sum(sin(a.range * b.range)) FROM range(1000000) a, range(1000000) b';

describe('an interrupt', () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-interrupt-'));
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('ends what a session has under way on each of its connections, and lets it begin nothing else', async () => {
    const session = await Session.open({
      threads: 2,
      memoryBytes: 200e6,
      scratch: join(folder, 'scratch'),
      inputs: [],
    });
    const underWay = [session.rows(ENDLESS), session.runBeside(ENDLESS), session.runUnpushed(ENDLESS)];
    const outcomes = Promise.allSettled(underWay);
    // Some are only being prepared by now.
    session.interrupt();
    for (const { status } of await outcomes) expect(status).toBe('rejected');
    await expect(session.rows('SELECT 1')).rejects.toThrow('interrupted');
    await expect(session.runBeside('SELECT 1')).rejects.toThrow('interrupted');
    await session.close();
  });

  it('that is meant for one piece of work ends it, and what comes later runs', async () => {
    const options = { threads: 2, memoryBytes: 200e6, scratch: join(folder, 'until'), inputs: [] };
    const session = await Session.open(options);
    const given = new AbortController();
    const underWay = session.until(given.signal, () => session.runUnpushed(ENDLESS));
    given.abort();
    await expect(underWay).rejects.toThrow('Interrupted');
    expect(await session.rows('SELECT 1')).toEqual([[1]]);
    await expect(session.until(given.signal, () => session.run(ENDLESS))).rejects.toThrow('Interrupted');
    expect(await session.until(new AbortController().signal, () => session.rows('SELECT 2'))).toEqual([[2]]);
    await session.close();
  });

  it('has an engine refuse further jobs', async () => {
    const path = join(folder, 'not.parquet');
    await writeFile(path, 'text');
    const controller = new AbortController();
    const engine = duckdbEngine({ signal: controller.signal });
    controller.abort();
    await expect(engine.describeParquet(path)).rejects.toMatchObject({ name: 'AbortError' });
    await engine.close();
  });

  it('ends a query of the lake', async () => {
    const lake = { path: join(folder, 'lake.duckdb') };
    await withLake(lake, 'write', (opened) => opened.run('CREATE TABLE t AS SELECT 1 AS n'));
    const controller = new AbortController();
    const started = join(folder, 'started.csv');
    const asked = queryLake(lake, `COPY t TO '${started}'; ${ENDLESS}`, controller.signal);
    asked.catch(() => undefined);
    controller.abort();
    await expect(asked).rejects.toThrow();
    expect(await queryLake(lake, 'SELECT n FROM t')).toMatchObject({ rows: [[1]] });
  });
});
