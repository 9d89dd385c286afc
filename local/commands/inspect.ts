import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { describeObject } from '../../functions/read/describe-object.ts';
import { layout } from '../../shared/adapters/directory-files.ts';
import { createBucket, directoryObjectStore } from '../../shared/adapters/directory-object-store.ts';
import { parseDataset } from '../../shared/dataset/parse.ts';
import type { FoundPart } from '../../shared/domain/load.ts';
import { normaliseNames } from '../../shared/domain/names.ts';
import { sourceId } from '../../shared/domain/source.ts';
import { planTasks } from '../../shared/domain/splits.ts';
import { duckdbEngine } from '../../shared/engine/duckdb-engine.ts';
import { BadRequest, SluiceError } from '../../shared/errors.ts';
import { LOCAL_SPLIT_BYTES } from '../../shared/limits.ts';
import { uri } from '../../shared/ports/object-store.ts';
import type { Invocation } from '../cli.ts';
import { EXIT } from '../exit.ts';
import { checkFiles } from '../named-file.ts';
import { formatBytes } from '../print.ts';
import { formatCount, textTable } from '../text-table.ts';

/** `sluice inspect`: what read finds in a file, and why. */
export async function inspect(at: Invocation, file: string): Promise<number> {
  const path = resolve(file);
  await checkFiles([file], 'inspect');
  const scratch = await mkdtemp(join(tmpdir(), 'sluice-'));
  const address = { bucket: 'inspect', key: basename(path) };
  const store = directoryObjectStore(join(scratch, 's3'));
  const dataset = parseDataset({ name: 'inspect', target: { database: 'inspect', table: 'inspect' } }, 'inspect');
  let engine: ReturnType<typeof duckdbEngine> | undefined;
  const openEngine = async () => {
    engine ??= duckdbEngine();
    return engine;
  };
  try {
    await createBucket(join(scratch, 's3'), address.bucket);
    // A link, not a second name of the file: the scratch folder may be on another disk.
    await symlink(path, layout(join(scratch, 's3', address.bucket), address.key).own);
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
      dataset.splitBytes ?? LOCAL_SPLIT_BYTES,
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
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error;
    // To people it is their file, not an object of the store that read looks at it through.
    throw new SluiceError(error.name, error.message.replaceAll(uri(address), file), { where: file, cause: error });
  } finally {
    await (await engine)?.close();
    await rm(scratch, { recursive: true, force: true });
  }
}

function report(part: FoundPart) {
  const { entry, format, compression, dialect, columns, rows, confidence, reasons } = part;
  return {
    ...(entry ? { entry: entry.name } : {}),
    ...(part.level ? { level: part.level } : {}),
    format,
    compression,
    ...(dialect ? { dialect } : {}),
    ...(rows === undefined ? {} : { rows }),
    columns: columns.map(({ original, type, format: form }) => ({ original, type, ...(form ? { format: form } : {}) })),
    confidence,
    reasons,
    asks: reasons.filter(isQuestion),
  };
}

/** What a data set would have to say for the file to be read with certainty. */
function isQuestion(reason: string): boolean {
  return /: say [\w.]+( or [\w.]+)?$/.test(reason);
}

function quotesOf(quote: string): string {
  if (quote === '') return 'no quotes';
  return { '"': 'double quotes', "'": 'single quotes' }[quote] ?? `quotes ${quote}`;
}

function forPeople(part: FoundPart): string {
  const lines: string[] = [];
  if (part.entry) lines.push(`entry       ${part.entry.name}`);
  if (part.level) lines.push(`level       ${part.level}`);
  lines.push(`format      ${part.format}${part.compression === 'none' ? '' : `, ${part.compression}`}`);
  if (part.dialect) {
    const { encoding, delimiter, quote, lineEnd, headerRows, skipLines, footerRows, comment } = part.dialect;
    const escaping = part.dialect.escape;
    const shown = [
      encoding,
      `delimiter ${JSON.stringify(delimiter)}`,
      quotesOf(quote),
      ...(escaping === '' || escaping === quote ? [] : [`escape ${escaping}`]),
      `line end ${JSON.stringify(lineEnd)}`,
      headerRows === 0 ? 'no header' : `${headerRows === 1 ? 'a header' : `${headerRows} header rows`}`,
      ...(skipLines > 0 ? [`${skipLines} lines before it`] : []),
      ...(footerRows > 0 ? [`${footerRows} rows of notes at the end`] : []),
      ...(comment === '' ? [] : [`comments begin with ${comment}`]),
    ];
    lines.push(`dialect     ${shown.join(', ')}`);
  }
  if (part.rows !== undefined) lines.push(`rows        ${formatCount(part.rows)}`);
  lines.push(`confidence  ${part.confidence.toFixed(2)}`);
  for (const reason of part.reasons) if (!isQuestion(reason)) lines.push(`            ${reason}`);
  part.reasons.filter(isQuestion).forEach((reason, i) => {
    lines.push(`${i === 0 ? 'to be told ' : '           '} ${reason}`);
  });
  const names = normaliseNames(part.columns.map((column) => column.original));
  const rows = part.columns.map((column, i) => [names[i], column.type, column.original, column.format ?? '']);
  lines.push('', textTable(['column', 'type', 'header', 'format'], rows));
  return lines.join('\n');
}
