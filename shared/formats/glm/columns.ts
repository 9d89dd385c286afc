import type { ColumnType } from '../../domain/schema.ts';

/** The three tables of a granule, each row of one a child of a row of the one before. */
export const GLM_LEVELS = ['flashes', 'groups', 'events'] as const;
export type GlmLevel = (typeof GLM_LEVELS)[number];

export type GlmType = Extract<ColumnType, 'int' | 'bigint' | 'double' | 'timestamp' | 'boolean' | 'string'>;

export interface GlmColumn {
  name: string;
  type: GlmType;
}

interface Level {
  id: string;
  parent?: { id: string; level: GlmLevel };
  latitude: string;
  longitude: string;
  /** Time columns and the variables that hold their offsets from the granule's time. */
  times: Readonly<Record<string, string>>;
  variables: readonly GlmColumn[];
}

/**
 * The variables of each level under their own names (GOES-R Product Definition and User's Guide, volume 3, section 7), ids
 * and flags as whole numbers. Offsets stay beside the times that they make.
 */
export const GLM_TABLES: Readonly<Record<GlmLevel, Level>> = {
  flashes: {
    id: 'flash_id',
    latitude: 'flash_lat',
    longitude: 'flash_lon',
    times: {
      flash_time_of_first_event: 'flash_time_offset_of_first_event',
      flash_time_of_last_event: 'flash_time_offset_of_last_event',
    },
    variables: [
      { name: 'flash_id', type: 'int' },
      { name: 'flash_time_offset_of_first_event', type: 'double' },
      { name: 'flash_time_offset_of_last_event', type: 'double' },
      { name: 'flash_lat', type: 'double' },
      { name: 'flash_lon', type: 'double' },
      { name: 'flash_area', type: 'double' },
      { name: 'flash_energy', type: 'double' },
      { name: 'flash_quality_flag', type: 'int' },
    ],
  },
  groups: {
    id: 'group_id',
    parent: { id: 'group_parent_flash_id', level: 'flashes' },
    latitude: 'group_lat',
    longitude: 'group_lon',
    times: { group_time: 'group_time_offset' },
    variables: [
      { name: 'group_id', type: 'bigint' },
      { name: 'group_parent_flash_id', type: 'int' },
      { name: 'group_time_offset', type: 'double' },
      { name: 'group_lat', type: 'double' },
      { name: 'group_lon', type: 'double' },
      { name: 'group_area', type: 'double' },
      { name: 'group_energy', type: 'double' },
      { name: 'group_quality_flag', type: 'int' },
    ],
  },
  events: {
    id: 'event_id',
    parent: { id: 'event_parent_group_id', level: 'groups' },
    latitude: 'event_lat',
    longitude: 'event_lon',
    times: { event_time: 'event_time_offset' },
    variables: [
      { name: 'event_id', type: 'bigint' },
      { name: 'event_parent_group_id', type: 'bigint' },
      { name: 'event_time_offset', type: 'double' },
      { name: 'event_lat', type: 'double' },
      { name: 'event_lon', type: 'double' },
      { name: 'event_energy', type: 'double' },
    ],
  },
};

/** Says of a flash that its area was too large for its 16 bits: the area is then missing. */
export const AREA_OVERFLOW: GlmColumn = { name: 'flash_area_overflow', type: 'boolean' };

const IDENTITY: readonly GlmColumn[] = [
  { name: 'satellite', type: 'string' },
  { name: 'granule_start', type: 'timestamp' },
  { name: 'granule_end', type: 'timestamp' },
  { name: 'granule_created', type: 'timestamp' },
];

/** What of a granule is read. */
export interface GlmOptions {
  levels?: readonly GlmLevel[] | undefined;
  /** Of all levels, by name; ids, parents and the granule's identity are always there. Default: all. */
  variables?: readonly string[] | undefined;
  /** Degrees; west of 170 and east of -170 is across the antimeridian. */
  box?: GlmBox | undefined;
}

export interface GlmBox {
  west: number;
  south: number;
  east: number;
  north: number;
}

/** The columns of a level's table, in order. */
export function glmColumns(level: GlmLevel, { variables }: Pick<GlmOptions, 'variables'> = {}): GlmColumn[] {
  const { id, parent, times, variables: all } = GLM_TABLES[level];
  const always = new Set([id, parent?.id]);
  const wanted = ({ name }: GlmColumn) => variables === undefined || always.has(name) || variables.includes(name);
  const columns = [
    ...all,
    ...(level === 'flashes' ? [AREA_OVERFLOW] : []),
    ...Object.keys(times).map((name): GlmColumn => ({ name, type: 'timestamp' })),
  ];
  return [...columns.filter(wanted), ...IDENTITY];
}

/** Every name that `variables` may have. */
export function glmVariableNames(): string[] {
  return GLM_LEVELS.flatMap((level) =>
    glmColumns(level)
      .map(({ name }) => name)
      .filter((name) => !IDENTITY.some((column) => column.name === name)),
  );
}
