import { commitsWithRowsUnknown, type LogState, liveVersions } from '../../shared/commit/fold.ts';
import { type Dataset, modeOf } from '../../shared/dataset/dataset.ts';
import { refusal } from '../../shared/domain/evolution.ts';
import type { FailedSource, FoundPart } from '../../shared/domain/load.ts';
import { originOf, type SourceObject } from '../../shared/domain/source.ts';
import { schemaOf } from '../../shared/domain/table-schema.ts';
import { isObjectFault, objectErrorRecord, ReuploadRefused, SluiceError } from '../../shared/errors.ts';
import { uri } from '../../shared/ports/object-store.ts';
import { carriesSourceIds, ownNames, type PublishedSchema, publishedSchema } from './published.ts';
import type { FoundObject } from './step.ts';

export interface Screened {
  admitted: FoundObject[];
  refused: FailedSource[];
  /** By the id of an admitted source, the versions whose rows its own take the place of. */
  replaced: Map<string, string[]>;
}

/**
 * Which of the objects the published tables let in. What one object would need of a table (a wider column, a new one, the
 * place of rows that cannot be told apart) is that object's fault, and stops no other. Pure.
 */
export function screen(found: FoundObject[], dataset: Dataset, state: LogState): Screened {
  const screened: Screened = { admitted: [], refused: [], replaced: new Map() };
  if (dataset.target.layout === 'mirror') return { ...screened, admitted: found };
  const tables = publishedTables(dataset, state);
  const unknown = commitsWithRowsUnknown(state);
  for (const object of found) {
    const { source, parts } = object;
    try {
      checkColumns(source, parts, dataset, tables);
      const replaced = replacedBy(source, parts, dataset, state, { tables, unknown });
      if (replaced.length > 0) screened.replaced.set(source.id, replaced);
      screened.admitted.push(object);
    } catch (error) {
      if (!isObjectFault(error)) throw error;
      screened.refused.push({ source, step: 'plan', error: objectErrorRecord(error, uri(originOf(source))) });
    }
  }
  return screened;
}

/** By suffix, each looked up once. */
type PublishedTables = (suffix: string) => PublishedSchema | undefined;

function publishedTables(dataset: Dataset, state: LogState): PublishedTables {
  const known = new Map<string, PublishedSchema | undefined>();
  return (suffix) => {
    if (!known.has(suffix)) known.set(suffix, publishedSchema(dataset, state, suffix));
    return known.get(suffix);
  };
}

/** Granules of lightning have several tables, each with parts of its own. */
function checkColumns(source: SourceObject, parts: FoundPart[], dataset: Dataset, tables: PublishedTables): void {
  for (const suffix of suffixesOf(parts)) {
    const published = tables(suffix);
    if (!published) continue;
    const own = parts.filter((part) => suffixOf(part) === suffix);
    const { columns } = schemaOf(own, dataset, ownNames(carriesSourceIds(published, dataset), dataset));
    const refused = refusal(published, columns, dataset, uri(originOf(source)));
    if (refused) throw refused;
  }
}

/**
 * In mode append: the live versions of the object that this one replaces, itself among them where it is loaded again. Throws
 * `ReuploadRefused`, and `ReloadWouldDouble` where a version's rows lie in files from before the table carried source ids.
 */
function replacedBy(
  source: SourceObject,
  parts: FoundPart[],
  dataset: Dataset,
  state: LogState,
  { tables, unknown }: { tables: PublishedTables; unknown: ReadonlySet<number> },
): string[] {
  if (modeOf(dataset) !== 'append') return [];
  const where = uri(originOf(source));
  const live = liveVersions(state, originOf(source));
  const { onReupload } = dataset.target;
  if (onReupload === 'fail' && live.some((id) => id !== source.id)) {
    throw new ReuploadRefused(
      `${where} was loaded before as another version, by commit ${state.sources.get(live.at(-1)!)}, and onReupload is "fail"`,
      { where },
    );
  }
  const carries = suffixesOf(parts).every((suffix) => {
    const published = tables(suffix);
    return published === undefined || carriesSourceIds(published, dataset);
  });
  // A table without source ids: publish replaces whole commits, or says that it would double rows.
  if (!carries) return [];
  const newer = source.standsFor && live.find((id) => id !== source.id && isNewer(state, id, source));
  if (newer !== undefined && onReupload === 'replace') {
    throw new ReuploadRefused(
      `${where} was loaded as a newer version, by commit ${state.sources.get(newer)}, than this copy of ${source.lastModified}`,
      { where },
    );
  }
  const replaced = live.filter((id) => onReupload === 'replace' || id === source.id);
  const mixed = replaced.map((id) => state.sources.get(id)!).find((commit) => unknown.has(commit));
  if (mixed !== undefined) {
    throw new SluiceError(
      'ReloadWouldDouble',
      `${where} was loaded by commit ${mixed}, before the table said which rows are of which object; replace the table whole (mode: overwrite)`,
      { where },
    );
  }
  return replaced;
}

/**
 * Whether a live version may be newer than a copy in quarantine. Of an object that is read where it landed none is: the read is
 * pinned, and fails once a newer version lies there.
 */
function isNewer(state: LogState, id: string, { lastModified }: SourceObject): boolean {
  return (state.freshness.get(state.sources.get(id)!) ?? '') > lastModified;
}

function suffixOf({ level }: FoundPart): string {
  return level === undefined ? '' : `_${level}`;
}

function suffixesOf(parts: FoundPart[]): string[] {
  return [...new Set(parts.map(suffixOf))];
}
