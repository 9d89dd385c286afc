import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { describeObject } from '../../functions/read/describe-object.ts';
import { directoryObjectStore } from '../../shared/adapters/directory-object-store.ts';
import { parseDataset } from '../../shared/dataset/parse.ts';
import type { FoundPart } from '../../shared/domain/load.ts';
import { normaliseNames } from '../../shared/domain/names.ts';
import { sourceId } from '../../shared/domain/source.ts';
import { planTasks } from '../../shared/domain/splits.ts';
import { duckdbEngine } from '../../shared/engine/duckdb-engine.ts';
import { BadRequest } from '../../shared/errors.ts';
import type { Invocation } from '../cli.ts';
import { EXIT } from '../exit.ts';
import { formatBytes, textTable } from '../print.ts';

/** `sluice inspect`: what read finds in a file, and why. */
export async function inspect(at: Invocation, file: string): Promise<number> {
  const path = resolve(file);
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) {
    throw new BadRequest(`Cannot inspect ${file}: ${found ? 'it is a directory' : 'there is no such file'}`, {
      where: file,
    });
  }
  const scratch = await mkdtemp(join(tmpdir(), 'sluice-'));
  const store = directoryObjectStore(dirname(dirname(path)));
  const address = { bucket: basename(dirname(path)), key: basename(path) };
  const dataset = parseDataset({ name: 'inspect', target: { database: 'inspect', table: 'inspect' } }, 'inspect');
  let engine: ReturnType<typeof duckdbEngine> | undefined;
  const openEngine = async () => {
    engine ??= duckdbEngine();
    return engine;
  };
  try {
    const info = await store.head(address);
    if (!info) throw new BadRequest(`Cannot inspect ${file}: it cannot be read`, { where: file });
    const source = {
      ...address,
      id: sourceId(info.bucket, info.key, info.etag),
      etag: info.etag,
      sizeBytes: info.sizeBytes,
      lastModified: info.lastModified.toISOString(),
    };
    const parts = await describeObject({ store, engine: openEngine, scratch }, source, dataset);
    const tasks = planTasks(
      parts.map((part) => ({ source, part, table: 0, columns: [] })),
      dataset.splitBytes,
      (index) => String(index),
    );
    if (at.output.json) {
      at.output.out(
        JSON.stringify(
          { file: path, sizeBytes: info.sizeBytes, parts: parts.map(report), tasks: tasks.length },
          null,
          2,
        ),
      );
    } else {
      at.output.out(parts.map((part) => forPeople(part)).join('\n\n'));
      at.output.out(
        `\n${formatBytes(info.sizeBytes)}, converted in ${tasks.length === 1 ? 'one task' : `${tasks.length} tasks`}`,
      );
    }
    return EXIT.done;
  } finally {
    await (await engine)?.close();
    await rm(scratch, { recursive: true, force: true });
  }
}

function report(part: FoundPart) {
  const { entry, format, compression, dialect, columns, rows, confidence, reasons } = part;
  return {
    ...(entry ? { entry: entry.name } : {}),
    format,
    compression,
    ...(dialect ? { dialect } : {}),
    ...(rows === undefined ? {} : { rows }),
    columns: columns.map(({ original, type, format: form }) => ({ original, type, ...(form ? { format: form } : {}) })),
    confidence,
    reasons,
  };
}

function forPeople(part: FoundPart): string {
  const lines: string[] = [];
  if (part.entry) lines.push(`entry       ${part.entry.name}`);
  lines.push(`format      ${part.format}${part.compression === 'none' ? '' : `, ${part.compression}`}`);
  if (part.dialect) {
    const { encoding, delimiter, quote, lineEnd, headerRows, skipLines } = part.dialect;
    const escaping = part.dialect.escape;
    const shown = [
      encoding,
      `delimiter ${JSON.stringify(delimiter)}`,
      quote === '' ? 'no quotes' : `quote ${quote}`,
      ...(escaping === '' || escaping === quote ? [] : [`escape ${escaping}`]),
      `line end ${JSON.stringify(lineEnd)}`,
      headerRows === 0 ? 'no header' : `${headerRows === 1 ? 'a header' : `${headerRows} header rows`}`,
      ...(skipLines > 0 ? [`${skipLines} lines before it`] : []),
    ];
    lines.push(`dialect     ${shown.join(', ')}`);
  }
  if (part.rows !== undefined) lines.push(`rows        ${part.rows}`);
  lines.push(`confidence  ${part.confidence.toFixed(2)}`);
  for (const reason of part.reasons) lines.push(`            ${reason}`);
  const names = normaliseNames(part.columns.map((column) => column.original));
  const rows = part.columns.map((column, i) => [names[i], column.type, column.original, column.format ?? '']);
  lines.push('', textTable(['column', 'type', 'header', 'format'], rows));
  return lines.join('\n');
}
