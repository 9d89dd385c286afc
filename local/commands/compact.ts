import type { Dataset } from '../../shared/dataset/dataset.ts';
import { parseDataset } from '../../shared/dataset/parse.ts';
import { tablesWritten } from '../../shared/dataset/registry.ts';
import { OUTPUT_FORMATS, type OutputFormat } from '../../shared/domain/schema.ts';
import { tableName } from '../../shared/domain/tables.ts';
import { BadRequest } from '../../shared/errors.ts';
import type { Invocation } from '../cli.ts';
import { datasetsIn } from '../datasets.ts';
import { type Home, openHome } from '../home.ts';
import { runRequests } from './run.ts';

/** `sluice compact`: partitions of many files are written again as few, by an execution like any other. */
export async function compact(at: Invocation, named: string, { datasets }: { datasets: string }): Promise<number> {
  const [database, table, ...more] = named.split('.');
  if (!database || !table || more.length > 0) throw new BadRequest(`compact wants database.table, not "${named}"`);
  const home = await openHome(at.home, { signal: at.signal });
  try {
    const published = await home.ports.catalog.table(database, table);
    const owner = published?.parameters['sluice.dataset'];
    if (!owner) throw new BadRequest(`There is no table ${named} that Sluice made`);
    const known = (await datasetsIn(datasets)).get(owner);
    const isIts = known !== undefined && tablesWritten(known).includes(named);
    const dataset = isIts ? known : await asPublished(home, owner, database, table);
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

/** The data set of a table whose definition is not at hand, of an ad-hoc load for example: files are written by default. */
async function asPublished(home: Home, name: string, database: string, table: string): Promise<Dataset> {
  const formats: OutputFormat[] = [];
  for (const format of OUTPUT_FORMATS) {
    if (await home.ports.catalog.table(database, tableName(table, format))) formats.push(format);
  }
  return parseDataset({ name, target: { database, table, formats } }, 'sluice compact');
}
