import { parseDataset } from '../../shared/dataset/parse.ts';
import type { OutputFormat } from '../../shared/domain/schema.ts';
import { tableName } from '../../shared/domain/tables.ts';
import { BadRequest } from '../../shared/errors.ts';
import type { Invocation } from '../cli.ts';
import { openHome } from '../home.ts';
import { runRequests } from './run.ts';

/** `sluice compact`: partitions of many files are written again as few, by an execution like any other. */
export async function compact(at: Invocation, named: string): Promise<number> {
  const [database, table, ...more] = named.split('.');
  if (!database || !table || more.length > 0) throw new BadRequest(`compact wants database.table, not "${named}"`);
  const home = await openHome(at.home);
  try {
    const published = await home.ports.catalog.table(database, table);
    const owner = published?.parameters['sluice.dataset'];
    if (!owner) throw new BadRequest(`There is no table ${named} that Sluice made`);
    const formats: OutputFormat[] = [];
    for (const format of ['parquet', 'avro', 'csv'] as const) {
      if (await home.ports.catalog.table(database, tableName(table, format))) formats.push(format);
    }
    const dataset = parseDataset({ name: owner, target: { database, table, formats } }, 'sluice compact');
    const now = new Date();
    const request = {
      dataset,
      trigger: 'person' as const,
      objects: undefined,
      referenceTime: now.toISOString(),
      constants: {},
      compact: true,
      force: true,
      notices: [],
    };
    return await runRequests(at, home, [request]);
  } finally {
    await home.close();
  }
}
