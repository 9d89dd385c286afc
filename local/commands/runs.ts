import type { HistoryLine } from '../../shared/commit/history.ts';
import type { Invocation } from '../cli.ts';
import { EXIT } from '../exit.ts';
import { type Home, openHome } from '../home.ts';
import { parseHistory } from '../result.ts';
import { textTable } from '../text-table.ts';

interface RunLine {
  run: string;
  dataset: string;
  status: string;
  startedAt: string;
  seconds: number;
  objects: number;
  quarantined: number;
  rowsRead: number;
  rowsWritten: number;
  rowsRejected: number;
  error: { name: string; message: string } | null;
}

/** `sluice runs`: the newest last, as people read a log. */
export async function runs(at: Invocation, dataset: string | undefined, options: { last: number }): Promise<number> {
  const home = await openHome(at.home);
  try {
    const lines = await readRuns(home, dataset);
    const last = lines.slice(-options.last);
    if (at.output.json) {
      at.output.out(JSON.stringify(last, null, 2));
      return EXIT.done;
    }
    if (last.length === 0) at.output.err(`No run${dataset ? ` of ${dataset}` : ''} yet under ${home.root}`);
    else at.output.out(textTable(HEADER, last.map(cells)));
    for (const line of last) if (line.error) at.output.out(`${line.run}\n  ${line.error.name}: ${line.error.message}`);
    return EXIT.done;
  } finally {
    await home.close();
  }
}

const HEADER = ['run', 'status', 'seconds', 'objects', 'quarantined', 'read', 'written', 'rejected'];

function cells(line: RunLine): (string | number)[] {
  const { run, status, seconds, objects, quarantined, rowsRead, rowsWritten, rowsRejected } = line;
  return [run, status, seconds, objects, quarantined, rowsRead, rowsWritten, rowsRejected];
}

/** Every run's history, oldest first. */
export async function readRuns(home: Home, dataset: string | undefined): Promise<RunLine[]> {
  const runs: RunLine[] = [];
  const prefix = dataset === undefined ? 'history/' : `history/${dataset}/`;
  for await (const info of home.ports.objects.list(home.places.work, prefix)) {
    runs.push(summarise(parseHistory(await home.ports.objects.read(info))));
  }
  return runs.sort((a, b) => (a.startedAt < b.startedAt ? -1 : 1));
}

function summarise(lines: HistoryLine[]): RunLine {
  const [first] = lines;
  const loaded = lines.filter((line) => line.source_status !== 'quarantined' && line.source !== null);
  const sum = (field: 'rows_read' | 'rows_written' | 'rows_rejected') =>
    loaded.reduce((total, line) => total + line[field], 0);
  const failed = first.status === 'failed' ? lines.find((line) => line.error_name !== null) : undefined;
  return {
    run: first.run,
    dataset: first.dataset,
    status: first.status,
    startedAt: first.started_at,
    seconds: (Date.parse(first.ended_at) - Date.parse(first.started_at)) / 1000,
    objects: new Set(loaded.map((line) => line.source)).size,
    quarantined: lines.filter((line) => line.source_status === 'quarantined').length,
    rowsRead: sum('rows_read'),
    rowsWritten: sum('rows_written'),
    rowsRejected: sum('rows_rejected'),
    error: failed ? { name: failed.error_name!, message: failed.error_message ?? '' } : null,
  };
}
