import { z } from 'zod';
import type { HistoryLine } from '../../shared/commit/history.ts';
import { readJsonIfAny } from '../../shared/commit/json-object.ts';
import { historyKey, reportPrefix } from '../../shared/commit/keys.ts';
import { runFiles } from '../../shared/commit/run-files.ts';
import { ObjectNotFound } from '../../shared/errors.ts';
import type { Ports } from '../../shared/ports/ports.ts';
import { pageOf } from '../../shared/report/page.ts';
import type { Sample } from '../../shared/report/pictures.ts';

export const ReportInput = z.object({ run: z.string() });
export type ReportInput = z.infer<typeof ReportInput>;

export interface ReportOutput {
  /** Of the page, in the work bucket. */
  key: string;
}

/** The run's page, and its pictures beside it. Doing it again writes the same; a run that is not on record has none. */
export function makeReport(ports: Ports) {
  return async (event: ReportInput): Promise<ReportOutput> => {
    const { objects, places } = ports;
    const files = runFiles(ports, event.run);
    const { request } = await files.request();
    const clustered = await files.clusteredIfAny();
    const lines = await historyOf(ports, request.dataset.name, event.run);
    const report = clustered?.report;
    const sample =
      report?.sample && (await readJsonIfAny<Sample>(objects, { bucket: places.work, key: report.sample }));
    // Drawing takes its time to load: only for runs that have pictures.
    const isDrawn = report !== undefined && (report.curve.length > 1 || report.sample !== undefined);
    const drawing = isDrawn ? await import('../../shared/report/pictures.ts') : undefined;
    const pictures = report && drawing ? await drawing.picturesOf(report, sample || undefined) : [];
    const folder = reportPrefix(request.dataset.name, event.run);
    const put = (name: string, body: string, contentType: string) =>
      objects.put({ bucket: places.work, key: `${folder}${name}` }, body, { contentType });
    for (const { name, svg } of pictures) await put(`${name}.svg`, svg, 'image/svg+xml');
    await put('index.html', pageOf(lines, report, pictures), 'text/html; charset=utf-8');
    return { key: `${folder}index.html` };
  };
}

async function historyOf(ports: Ports, dataset: string, run: string): Promise<HistoryLine[]> {
  const address = { bucket: ports.places.work, key: historyKey(dataset, run) };
  const text = Buffer.from(await ports.objects.read(address)).toString('utf8');
  const lines = text.split('\n').filter((line) => line !== '');
  if (lines.length === 0) throw new ObjectNotFound(`Run ${run} has left no line in the history`);
  return lines.map((line) => JSON.parse(line) as HistoryLine);
}
