import { describe, expect, it } from '@jest/globals';
import { screen } from '../../../functions/plan/screen.ts';
import type { FoundObject } from '../../../functions/plan/step.ts';
import type { Intent } from '../../../shared/commit/entry.ts';
import { applyEntry, emptyState } from '../../../shared/commit/fold.ts';
import type { DatasetDefinition } from '../../../shared/dataset/dataset.ts';
import { parseDataset } from '../../../shared/dataset/parse.ts';
import { type SourceObject, sourceId } from '../../../shared/domain/source.ts';
import { PLANNED_COLUMNS, SOURCE_IDS } from '../../../shared/domain/tables.ts';

const COLUMNS = ['id', '_source_id'].map((name) => ({ name, original: name, type: 'string' as const }));
const NOON = '2026-01-01T12:00:00.000Z';

function dataset(target: Partial<DatasetDefinition['target']> = {}) {
  return parseDataset(
    { name: 'd', target: { database: 'db', table: 't', mode: 'append', onReupload: 'replace', ...target } },
    'the test',
  );
}

function source(etag: string, lastModified: string, over: Partial<SourceObject> = {}): SourceObject {
  const id = sourceId('landing', 'a.csv', etag);
  return { id, bucket: 'landing', key: 'a.csv', etag, sizeBytes: 1, lastModified, ...over };
}

function found(of: SourceObject): FoundObject {
  const part = {
    format: 'csv' as const,
    compression: 'none' as const,
    columns: [{ original: 'id', type: 'string' as const }],
  };
  return { source: of, parts: [{ ...part, sizeBytes: 1, confidence: 1, reasons: [] }] };
}

/** A table in which version `2` of the object is live, whose rows are of a known source or not. */
function state(known: boolean) {
  const live = source('2', NOON);
  const entry: Intent = {
    ...{ kind: 'commit', run: 'r', dataset: 'd', at: NOON, force: false, readers: 'catalog', graceSeconds: 0 },
    ...{ sources: [live], fixed: [], plannedAt: 0 },
    tables: [
      {
        ...{ database: 'db', table: 't', format: 'parquet', bucket: 'lake', root: 'db/t/', columns: COLUMNS },
        ...{ partitionColumns: [], replaces: 'nothing', emptied: [] },
        parameters: { [PLANNED_COLUMNS]: JSON.stringify(COLUMNS), [SOURCE_IDS]: 'true' },
        files: [
          {
            ...{ partition: [], name: 'part.parquet', staged: 'runs/x', etag: 'e', rows: 3, bytes: 9 },
            rowsOf: { [live.id]: known ? 3 : 2 },
          },
        ],
      },
    ],
  };
  return applyEntry(emptyState(), 1, entry);
}

const errors = (screened: ReturnType<typeof screen>) => screened.refused.map(({ error }) => error.name);

describe('screen', () => {
  it('says which versions an object replaces, itself among them', () => {
    for (const etag of ['1', '2', '3']) {
      const object = source(etag, NOON);
      const { admitted, replaced } = screen([found(object)], dataset(), state(true));
      expect(admitted).toHaveLength(1);
      expect(replaced.get(object.id)).toEqual([source('2', NOON).id]);
    }
  });

  it('lets only an object that is loaded again take its own place where others are to be added', () => {
    const { replaced } = screen(
      [found(source('1', NOON)), found(source('2', NOON))],
      dataset({ onReupload: 'append' }),
      state(true),
    );
    expect([...replaced.keys()]).toEqual([source('2', NOON).id]);
  });

  it('refuses an older copy from quarantine, and takes a newer one', () => {
    const copy = (lastModified: string) =>
      source('1', lastModified, {
        ...{ bucket: 'work', key: 'failed/d/x/a.csv' },
        standsFor: { bucket: 'landing', key: 'a.csv', etag: '1' },
      });
    const older = screen([found(copy('2026-01-01T11:00:00.000Z'))], dataset(), state(true));
    expect(errors(older)).toEqual(['ReuploadRefused']);
    expect(older.refused[0].error.where).toBe('s3://landing/a.csv');
    const newer = screen([found(copy('2026-01-01T13:00:00.000Z'))], dataset(), state(true));
    expect(newer.replaced.size).toBe(1);
  });

  it('refuses what would replace rows of whom nobody knows', () => {
    expect(errors(screen([found(source('3', NOON))], dataset(), state(false)))).toEqual(['ReloadWouldDouble']);
  });

  it('lets everything in where partitions or the whole table are replaced', () => {
    for (const mode of ['overwrite', 'overwrite-partitions'] as const) {
      const { admitted, replaced } = screen(
        [found(source('3', NOON))],
        dataset({ mode, onReupload: 'fail' }),
        state(false),
      );
      expect([admitted.length, replaced.size]).toEqual([1, 0]);
    }
  });
});
