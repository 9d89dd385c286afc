import type { RejectedRow } from '../../shared/engine/table-engine.ts';
import { BadRequest } from '../../shared/errors.ts';
import type { Invocation } from '../cli.ts';
import { EXIT } from '../exit.ts';
import { type Home, openHome } from '../home.ts';
import { textTable } from '../text-table.ts';
import { readRuns } from './runs.ts';

/** `sluice rejects`: the rejected rows of a run, in the order of the files. */
export async function rejects(at: Invocation, run: string | undefined): Promise<number> {
  const home = await openHome(at.home);
  try {
    const rows = await rejectedRows(home, run);
    if (at.output.json) at.output.out(JSON.stringify(rows, null, 2));
    else if (rows.length === 0) at.output.err('No rejected rows');
    else at.output.out(textTable(['source', 'line', 'column', 'reason', 'row'], rows.map(cells)));
    return EXIT.done;
  } finally {
    await home.close();
  }
}

function cells(row: RejectedRow): (string | number | null)[] {
  const source = row.entry === null ? row.uri : `${row.uri}!${row.entry}`;
  return [source, row.line, row.column, row.reason, row.raw === null ? null : shortened(row.raw)];
}

const SHOWN_CHARACTERS = 80;

function shortened(text: string): string {
  return text.length <= SHOWN_CHARACTERS ? text : `${text.slice(0, SHOWN_CHARACTERS - 1)}…`;
}

async function rejectedRows(home: Home, wanted: string | undefined): Promise<RejectedRow[]> {
  const runs = await readRuns(home, undefined);
  const run = wanted ?? runs.findLast((line) => line.rowsRejected > 0)?.run;
  if (run === undefined) return [];
  const dataset = runs.find((line) => line.run === run)?.dataset;
  if (dataset === undefined) throw new BadRequest(`There is no run ${run}; sluice runs lists those there are`);
  const rows: RejectedRow[] = [];
  for await (const info of home.ports.objects.list(home.places.work, `rejected/${dataset}/${run}/`)) {
    const text = Buffer.from(await home.ports.objects.read(info)).toString('utf8');
    for (const line of text.split('\n')) if (line !== '') rows.push(JSON.parse(line) as RejectedRow);
  }
  return rows.sort((a, b) => (a.uri === b.uri ? (a.line ?? 0) - (b.line ?? 0) : a.uri < b.uri ? -1 : 1));
}
