import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';

/**
 * Who may import whom: imports point inward. A room may import the rooms listed for it and itself. `import type` counts as
 * an import between rooms too, except where a room's types are named for others (`types`).
 */
const ROOT = resolve(import.meta.dirname, '..');
const ROOMS: Record<string, { may: string[]; types?: string[] }> = {
  'shared/ports': { may: ['shared/errors.ts'], types: ['shared/domain', 'shared/engine'] },
  'shared/domain': {
    may: ['shared/errors.ts', 'shared/limits.ts', 'shared/ports', 'shared/formats', 'shared/dataset'],
    types: ['shared/engine', 'shared/commit', 'shared/clustering'],
  },
  'shared/dataset': {
    may: [
      'shared/errors.ts',
      'shared/limits.ts',
      'shared/domain',
      'shared/ports',
      'shared/commit/keys.ts',
      'shared/formats/glm/columns.ts',
      'shared/clustering/algorithms.ts',
    ],
  },
  'shared/formats': {
    may: ['shared/errors.ts', 'shared/limits.ts', 'shared/domain'],
    types: ['shared/dataset', 'shared/ports'],
  },
  'shared/kernels': { may: ['shared/limits.ts'] },
  'shared/clustering': { may: ['shared/errors.ts', 'shared/limits.ts', 'shared/domain', 'shared/kernels'] },
  'shared/engine': {
    may: ['shared/errors.ts', 'shared/limits.ts', 'shared/domain', 'shared/formats'],
    types: ['shared/ports'],
  },
  'shared/commit': {
    may: ['shared/errors.ts', 'shared/limits.ts', 'shared/domain', 'shared/ports', 'shared/dataset'],
    types: ['shared/engine'],
  },
  'shared/adapters': {
    may: ['shared/errors.ts', 'shared/limits.ts', 'shared/domain', 'shared/ports', 'shared/engine'],
  },
  'shared/report': { may: ['shared/limits.ts'], types: ['shared/domain', 'shared/commit'] },
  'shared/errors.ts': { may: [] },
  'shared/limits.ts': { may: [] },
  'shared/telemetry.ts': { may: [] },
  functions: { may: ['shared'] },
  local: { may: ['shared', 'functions'] },
};
/** What only one room may know. */
const PACKAGES: { pattern: RegExp; room: string }[] = [
  { pattern: /^@aws-sdk\/|^@smithy\//, room: 'shared/adapters' },
  { pattern: /^@duckdb\//, room: 'shared/engine' },
  // Drawing is large: only what draws is to have it.
  { pattern: /^vega(-lite)?$/, room: 'shared/report' },
  { pattern: /^aws-local-stepfunctions$/, room: 'local' },
];

function sources(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => join(folder, path));
}

interface Import {
  from: string;
  to: string;
  typeOnly: boolean;
}

const IMPORT =
  /(?:^|\n)\s*(?:import|export)\s+(type\s)?(?:[^'";]*?\sfrom\s+)?['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)/g;

function importsOf(file: string, text: string): Import[] {
  return [...text.matchAll(IMPORT)].map((match) => ({
    from: file,
    to: match[2] ?? match[3],
    typeOnly: match[1] !== undefined,
  }));
}

function roomOf(path: string): string | undefined {
  return Object.keys(ROOMS).find((room) => path === room || path.startsWith(`${room}/`));
}

function breaks({ from, to, typeOnly }: Import): string | undefined {
  const room = roomOf(from);
  if (room === undefined) return `${from} lies in no room`;
  if (!to.startsWith('.')) {
    const owner = PACKAGES.find(({ pattern }) => pattern.test(to));
    return owner && owner.room !== room ? `${from} imports ${to}, which only ${owner.room} may` : undefined;
  }
  const target = relative(ROOT, resolve(ROOT, dirname(from), to));
  const inside = (allowed: string) => target === allowed || target.startsWith(`${allowed}/`);
  const { may, types = [] } = ROOMS[room];
  if (inside(room) || may.some(inside) || (typeOnly && types.some(inside))) return undefined;
  return `${from} imports ${typeOnly ? 'types of ' : ''}${target}`;
}

describe('the walls', () => {
  const files = ['functions', 'shared', 'local'].flatMap(sources);
  const imports = files.flatMap((file) => importsOf(file, readFileSync(join(ROOT, file), 'utf8')));

  it('stand between the rooms', () => {
    expect(imports.map(breaks).filter((broken) => broken !== undefined)).toEqual([]);
  });

  it('are seen by this test', () => {
    expect(imports.length).toBeGreaterThan(100);
    const wrong = importsOf(
      'functions/read/step.ts',
      "import { a } from '../../local/home.ts';\nimport { b } from '@aws-sdk/client-s3';",
    );
    expect(wrong.map(breaks)).toEqual([
      'functions/read/step.ts imports local/home.ts',
      'functions/read/step.ts imports @aws-sdk/client-s3, which only shared/adapters may',
    ]);
  });

  it('let one step import nothing of another', () => {
    const between = imports.filter(({ from, to }) => {
      const step = /^functions\/([^/]+)\//.exec(from)?.[1];
      const target = relative(ROOT, resolve(ROOT, dirname(from), to));
      const other = /^functions\/([^/]+)\//.exec(target)?.[1];
      return step !== undefined && to.startsWith('.') && other !== undefined && other !== step;
    });
    expect(between).toEqual([]);
  });
});
