import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parsePlainFile } from '../doubles/plain-engine.ts';
import { type Call, canMeet, FAULTS, type Fault } from '../faults/faults.ts';
import { Lab, PLACES } from '../faults/lab.ts';
import { seeded } from '../faults/turns.ts';

/**
 * A load that replaces the rows of a changed object and widens a column, so that live files are written again in every
 * partition and format: whatever happens to any single call of it, a reader sees each partition as it was or as it is to be
 * (of the objects that came through), and in the end every row is there once.
 */
const DATASET = {
  name: 'd',
  source: { prefix: 'in/', pick: 'new' as const },
  widening: 'rewrite' as const,
  target: {
    ...{ database: 'db', table: 't', mode: 'append' as const, onReupload: 'replace' as const },
    partitionBy: ['part'],
    formats: ['parquet' as const, 'avro' as const],
  },
};
const BIG = '9000000000';
const NARROW = { schema: { id: 'string', v: 'int', part: 'string' } };
const BEFORE = {
  'in/a.csv': 'id,v,part\na1,1,x\na2,2,y\n',
  'in/b.csv': 'id,v,part\nb1,3,x\nb2,4,z\n',
};
const AFTER = { 'in/a.csv': `id,v,part\na3,${BIG},x\n`, 'in/c.csv': `id,v,part\nc1,${BIG},y\n` };
const WAS = { x: ['a1', 'b1'], y: ['a2'], z: ['b2'] };
const IS = { x: ['a3', 'b1'], y: ['c1'], z: ['b2'] };
/** Where the fault put one object aside and the other was loaded: it comes in by the redrive. */
const WITHOUT_A = { x: ['a1', 'b1'], y: ['a2', 'c1'], z: ['b2'] };

/** All of them in CI; a sample, another part of the calls for each fault, where time is short. */
const STRIDE = process.env['SLUICE_DRILL'] === 'full' ? 1 : 24;

type Contents = Record<string, string[]>;

async function contents(lab: Lab, table: string): Promise<Contents> {
  const { objects, catalog } = lab.base;
  const found: Contents = {};
  for (const { values, location } of await catalog.partitions('db', table)) {
    const ids: string[] = [];
    for await (const info of objects.list(PLACES.lake, location.slice(`s3://${PLACES.lake}/`.length))) {
      for (const row of parsePlainFile(await objects.read(info))) ids.push(row.id!);
    }
    found[String(values[0])] = ids.sort();
  }
  return found;
}

async function land(lab: Lab, files: Record<string, string>): Promise<void> {
  for (const [key, text] of Object.entries(files)) {
    lab.turns.now += 2000;
    await lab.base.objects.put({ bucket: PLACES.landing, key }, text);
  }
}

async function drillCall(
  fault: Fault | undefined,
  k: number,
): Promise<{ violations: string[]; calls: readonly Call[] }> {
  const scratch = await mkdtemp(join(tmpdir(), 'sluice-rewrites-'));
  try {
    const lab = new Lab(seeded(1), DATASET, scratch);
    const violations: string[] = [];
    await land(lab, BEFORE);
    await lab.execute({ dataset: 'd', ...NARROW });
    lab.turns.now += 3_600_000;
    await land(lab, AFTER);
    const { calls } = await lab.execute({ dataset: 'd' }, { fault, k });
    await lab.idle();
    for (const table of ['t', 't_avro']) {
      for (const [part, ids] of Object.entries(await contents(lab, table))) {
        const seen = JSON.stringify(ids);
        const whole = [WAS, IS, WITHOUT_A].map((rows) => JSON.stringify(rows[part as keyof typeof WAS]));
        if (!whole.includes(seen)) violations.push(`a reader saw ${seen} in partition ${part} of ${table}`);
      }
    }
    await lab.settle(2);
    const head = await lab.head();
    for (const table of ['t', 't_avro']) {
      const rows = await contents(lab, table);
      if (JSON.stringify(rows) !== JSON.stringify(IS)) violations.push(`${table} has ${JSON.stringify(rows)}`);
      const type = (await lab.base.catalog.table('db', table))?.columns.find(({ name }) => name === 'v')?.type;
      if (type !== 'bigint') violations.push(`v of ${table} is ${type}`);
      const there: string[] = [];
      for await (const { key } of lab.base.objects.list(PLACES.lake, `db/${table}/`)) there.push(key);
      const live = head.tables.get(`db.${table}`)!.files.map((file) => file.key);
      if (JSON.stringify(there) !== JSON.stringify(live.sort())) violations.push(`under ${table} lie ${there}`);
    }
    if ((await lab.quarantined()).length > 0) violations.push('something is left in quarantine');
    return { violations, calls };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

describe('a fault at every call of a load that replaces rows and widens a column', () => {
  it('needs no fault to be right', async () => {
    const { violations, calls } = await drillCall(undefined, -1);
    expect(violations).toEqual([]);
    expect(calls.length).toBeGreaterThan(100);
  });

  it.each(FAULTS)(
    '%s',
    async (fault) => {
      const { calls } = await drillCall(undefined, -1);
      const found: string[] = [];
      for (let k = (FAULTS.indexOf(fault) * 5) % STRIDE; k < calls.length; k += STRIDE) {
        if (!canMeet(fault, calls[k])) continue;
        const { violations } = await drillCall(fault, k);
        if (violations.length > 0)
          found.push(`call ${k} (${calls[k].method} ${calls[k].what}): ${violations.join('; ')}`);
      }
      expect(found).toEqual([]);
    },
    600_000,
  );
});
