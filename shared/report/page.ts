import type { HistoryLine } from '../commit/history.ts';
import type { ClusterReport } from '../domain/cluster.ts';
import { REPORT_MAX_SOURCES } from '../limits.ts';
import type { Picture } from './pictures.ts';

/** The page of one run, complete in itself: no script, no style and no picture from elsewhere. */
export function pageOf(
  lines: readonly HistoryLine[],
  clusters: ClusterReport | undefined,
  pictures: readonly Picture[],
): string {
  const [first] = lines;
  if (!first) throw new RangeError('A run without a line in the history has no page');
  const title = `${first.dataset}: ${first.run}`;
  const body = [
    `<h1>${text(first.dataset)} <small>${text(first.run)}</small></h1>`,
    overview(lines, first),
    tables(first),
    ...(clusters ? [clusterSection(clusters, pictures)] : []),
    sources(lines),
  ];
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${text(title)}</title><style>${STYLE}</style></head>
<body>
${body.filter((part) => part !== '').join('\n')}
</body></html>
`;
}

const STYLE = `body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a;background:#fff}
h1 small{font-weight:400;font-size:55%;color:#555}h2{margin-top:2rem;border-bottom:1px solid #ccc}
table{border-collapse:collapse;margin:.5rem 0}th,td{padding:.25rem .75rem;text-align:left;border-bottom:1px solid #e3e3e3;vertical-align:top}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}.failed{border-left:5px solid #b00;padding-left:.75rem}
.facts{display:flex;flex-wrap:wrap;gap:.5rem 2rem}.facts b{display:block;font-size:1.4rem}figure{margin:1.5rem 0}svg{max-width:100%;height:auto}
.wide{overflow-x:auto}td.k{word-break:break-all}`;

function overview(lines: readonly HistoryLine[], first: HistoryLine): string {
  const sum = (of: 'rows_read' | 'rows_written' | 'rows_rejected' | 'bytes_read') =>
    lines.reduce((all, line) => all + line[of], 0);
  const quarantined = lines.filter(({ source_status }) => source_status === 'quarantined').length;
  const facts = [
    ['Status', first.status],
    ['Rows read', number(sum('rows_read'))],
    ['Rows written', number(sum('rows_written'))],
    ['Rows rejected', number(sum('rows_rejected'))],
    ['Bytes read', number(sum('bytes_read'))],
    ['Objects quarantined', number(quarantined)],
  ];
  const failed = first.error_name && first.status === 'failed';
  return [
    `<div class="facts">${facts.map(([name, value]) => `<div>${name}<b>${text(value!)}</b></div>`).join('')}</div>`,
    `<p>Started ${text(first.started_at)}, ended ${text(first.ended_at)}.</p>`,
    failed ? `<p class="failed"><b>${text(first.error_name!)}</b>: ${text(first.error_message ?? '')}</p>` : '',
    ...first.notices.map((notice) => `<p>${text(notice)}</p>`),
  ].join('\n');
}

function tables({ tables: written }: HistoryLine): string {
  if (written.length === 0) return '';
  const rows = written.map(({ database, table, format, rows, partitions, files, bytes }) => [
    `${database}.${table}`,
    format,
    rows,
    partitions,
    files,
    bytes,
  ]);
  return `<h2>Tables</h2>\n${grid(['table', 'format', 'rows', 'partitions', 'files', 'bytes'], rows)}`;
}

function clusterSection(report: ClusterReport, pictures: readonly Picture[]): string {
  const { algorithm, clusters, points, rows, noise, dropped, reason, silhouette, inertia, unit } = report;
  const facts = [
    `${algorithm} made <b>${number(clusters)}</b> clusters of ${number(points)} ${report.kind === 'distances' ? 'keys' : 'points'}`,
    noise > 0 ? `, with ${number(noise)} in none` : '',
    `. ${text(reason)}.`,
    silhouette ? ` Mean silhouette ${silhouette.mean.toFixed(3)}${intervalOf(silhouette)}.` : '',
    inertia === undefined ? '' : ` Inertia ${inertia.toPrecision(5)}.`,
  ].join('');
  const left = rows - points;
  const why = [
    dropped.missing > 0 ? `${number(dropped.missing)} lack a value` : '',
    dropped.notFinite > 0 ? `${number(dropped.notFinite)} are not finite` : '',
    dropped.outOfRange > 0 ? `${number(dropped.outOfRange)} are out of range` : '',
  ].filter((part) => part !== '');
  const radius = unit === 'km' ? 'radius (km)' : 'radius';
  const summary = report.summary
    .slice(0, REPORT_MAX_SOURCES)
    .map(({ cluster, size, share, centre, radius: far }) => [
      cluster < 0 ? 'noise' : cluster,
      size,
      `${(100 * share).toFixed(1)}%`,
      ...report.features.map((_, f) => (centre[f] === undefined ? '' : centre[f]!.toPrecision(6))),
      far === null ? '' : far.toPrecision(4),
    ]);
  return [
    '<h2>Clusters</h2>',
    `<p>${facts}</p>`,
    left > 0 ? `<p>${number(left)} rows were not clustered: ${why.join(', ')}.</p>` : '',
    ...pictures.map(({ title, svg }) => `<figure><figcaption>${text(title)}</figcaption>${svg}</figure>`),
    grid(['cluster', 'size', 'share', ...report.features, radius], summary),
    more(report.summary.length),
    `<details><summary>Parameters</summary><pre>${text(JSON.stringify(report.params, null, 2))}</pre></details>`,
  ].join('\n');
}

function intervalOf({ method, interval }: NonNullable<ClusterReport['silhouette']>): string {
  if (method === 'exact') return '';
  return ` (estimated from a sample; 95% interval ${interval[0].toFixed(3)} to ${interval[1].toFixed(3)})`;
}

function sources(lines: readonly HistoryLine[]): string {
  const own = lines.filter(({ source }) => source !== null);
  if (own.length === 0) return '';
  const rows = own
    .slice(0, REPORT_MAX_SOURCES)
    .map((line) => [
      line.entry === null ? line.source! : `${line.source} (${line.entry})`,
      line.source_status,
      line.rows_read,
      line.rows_written,
      line.rows_rejected,
      line.source_status === 'quarantined' ? `${line.error_name}: ${line.error_message}` : (line.first_reject ?? ''),
    ]);
  const header = ['source', 'status', 'read', 'written', 'rejected', 'first reject, or error'];
  return `<h2>Sources</h2>\n${grid(header, rows)}\n${more(own.length)}`;
}

function more(all: number): string {
  return all > REPORT_MAX_SOURCES ? `<p>… and ${number(all - REPORT_MAX_SOURCES)} more.</p>` : '';
}

function grid(header: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const isNumber = header.map((_, c) =>
    rows.every((row) => typeof row[c] === 'number' || /^[-\d.,e+%]*$/.test(String(row[c]))),
  );
  const cell = (tag: 'td' | 'th', value: string | number, c: number) => {
    const shown = typeof value === 'number' ? number(value) : text(value);
    return `<${tag}${isNumber[c] ? ' class="n"' : c === 0 ? ' class="k"' : ''}>${shown}</${tag}>`;
  };
  const line = (tag: 'td' | 'th', row: readonly (string | number)[]) =>
    `<tr>${row.map((value, c) => cell(tag, value, c)).join('')}</tr>`;
  return `<div class="wide"><table><thead>${line('th', header)}</thead><tbody>${rows.map((row) => line('td', row)).join('\n')}</tbody></table></div>`;
}

function number(value: number): string {
  return value.toLocaleString('en-US');
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** As text of the page: names and messages come from files, and may hold anything. */
function text(value: string): string {
  return value.replace(/[&<>"']/g, (char) => ENTITIES[char]!);
}
