import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { TopLevelSpec } from 'vega-lite';
import type { ClusterReport } from '../domain/cluster.ts';
import { COLOURS, draw, NOISE_COLOUR, SHAPES } from './draw.ts';

export interface Picture {
  /** Of its file, without the ending. */
  name: 'elbow' | 'silhouette' | 'map';
  title: string;
  svg: string;
}

/** `[x, y, cluster]`. */
export type Sample = readonly (readonly [number, number, number])[];

/** The pictures that a clustering has: the curves where k was searched, and where its points lie. */
export async function picturesOf(report: ClusterReport, sample: Sample | undefined): Promise<Picture[]> {
  const pictures: Picture[] = [];
  if (report.curve.length > 1) {
    pictures.push({ name: 'elbow', title: 'Inertia and its elbow', svg: await draw(elbowSpec(report)) });
    if (report.curve.some(({ silhouette }) => silhouette)) {
      pictures.push({ name: 'silhouette', title: 'Mean silhouette', svg: await draw(silhouetteSpec(report)) });
    }
  }
  if (sample && sample.length > 0) {
    const shown =
      sample.length < report.points ? `a sample of ${sample.length} of ${report.points} points` : 'all points';
    const onEarth = report.kind !== 'plane';
    const spec = onEarth ? mapSpec(report, sample, await land()) : planeSpec(report, sample);
    pictures.push({ name: 'map', title: `${onEarth ? 'Map' : 'Clusters'} (${shown})`, svg: await draw(spec) });
  }
  return pictures;
}

const WIDTH = 640;
const HEIGHT = 300;

/** A line through points, and marks on some of them that a reader finds without colours. */
function curve(
  values: { k: number; y: number; low?: number; high?: number }[],
  title: string,
  marks: { k: number; text: string }[],
): TopLevelSpec {
  const at = new Map(values.map(({ k, y }) => [k, y]));
  const noted = marks.flatMap(({ k, text }) => (at.has(k) ? [{ k, y: at.get(k)!, text }] : []));
  const x = { field: 'k', type: 'quantitative' as const, axis: { title: 'Clusters (k)', tickMinStep: 1 } };
  const y = { field: 'y', type: 'quantitative' as const, axis: { title, format: '.3~g' }, scale: { zero: false } };
  const band = values.some(({ low, high }) => low !== undefined && high !== low);
  return {
    width: WIDTH,
    height: HEIGHT,
    layer: [
      ...(band
        ? [
            {
              data: { values },
              mark: { type: 'area' as const, color: COLOURS[0], opacity: 0.2 },
              encoding: { x, y: { ...y, field: 'low' }, y2: { field: 'high' } },
            },
          ]
        : []),
      {
        data: { values },
        mark: { type: 'line', color: COLOURS[0], strokeWidth: 2, point: { color: COLOURS[0], size: 40 } },
        encoding: { x, y },
      },
      {
        data: { values: noted },
        mark: { type: 'point', color: COLOURS[1], size: 220, strokeWidth: 2.5, shape: 'circle' },
        encoding: { x, y },
      },
      {
        data: { values: noted },
        mark: { type: 'text', dy: -18, align: 'left', fontSize: 13, color: '#222222' },
        encoding: { x, y, text: { field: 'text' } },
      },
    ],
  };
}

function elbowSpec({ curve: fits, elbow, k }: ClusterReport): TopLevelSpec {
  const marks = [
    ...(elbow === undefined ? [] : [{ k: elbow, text: elbow === k ? `elbow and chosen: ${k}` : `elbow: ${elbow}` }]),
    ...(k === undefined || k === elbow ? [] : [{ k, text: `chosen: ${k}` }]),
  ];
  return curve(
    fits.map(({ k, inertia }) => ({ k, y: inertia })),
    'Inertia',
    marks,
  );
}

function silhouetteSpec({ curve: fits, silhouetteK, k }: ClusterReport): TopLevelSpec {
  const values = fits.flatMap(({ k, silhouette }) =>
    silhouette ? [{ k, y: silhouette.mean, low: silhouette.interval[0], high: silhouette.interval[1] }] : [],
  );
  const marks = [
    ...(silhouetteK === undefined
      ? []
      : [{ k: silhouetteK, text: silhouetteK === k ? `greatest and chosen: ${k}` : `greatest: ${silhouetteK}` }]),
    ...(k === undefined || k === silhouetteK ? [] : [{ k, text: `chosen: ${k}` }]),
  ];
  const sampled = fits.some(({ silhouette }) => silhouette?.method === 'sampled');
  return curve(values, sampled ? 'Mean silhouette (estimate, 95%)' : 'Mean silhouette', marks);
}

/** Marks of points, the same on the map and in the plane: colour and shape by cluster, its number at its centre. */
function pointLayers(report: ClusterReport, sample: Sample, x: object, y: object) {
  const clusters = [...new Set(sample.map(([, , cluster]) => cluster))].sort((a, b) => a - b);
  const placed = (list: readonly string[], noise: string, step: number) =>
    clusters.map((cluster) => (cluster < 0 ? noise : list[Math.floor(cluster / step) % list.length]!));
  const points = sample.map(([px, py, cluster]) => ({ x: px, y: py, cluster }));
  const onEarth = report.kind !== 'plane';
  const centres = report.summary.flatMap(({ cluster, centre }) =>
    cluster < 0 || centre.length < 2
      ? []
      : [{ x: onEarth ? centre[1]! : centre[0]!, y: onEarth ? centre[0]! : centre[1]!, text: String(cluster) }],
  );
  return [
    {
      data: { values: points },
      mark: { type: 'point' as const, filled: true, size: 14, opacity: 0.7 },
      encoding: {
        ...x,
        ...y,
        color: {
          field: 'cluster',
          type: 'nominal' as const,
          legend: null,
          scale: { domain: clusters, range: placed(COLOURS, NOISE_COLOUR, 1) },
        },
        shape: {
          field: 'cluster',
          type: 'nominal' as const,
          legend: null,
          scale: { domain: clusters, range: placed(SHAPES, 'stroke', 1) },
        },
      },
    },
    {
      data: { values: centres },
      mark: { type: 'point' as const, filled: true, size: 260, color: '#ffffff', opacity: 0.85, stroke: '#222222' },
      encoding: { ...x, ...y },
    },
    {
      data: { values: centres },
      mark: { type: 'text' as const, fontSize: 11, fontWeight: 'bold' as const, color: '#111111' },
      encoding: { ...x, ...y, text: { field: 'text' } },
    },
  ];
}

function planeSpec(report: ClusterReport, sample: Sample): TopLevelSpec {
  const [a = 'x', b = 'y'] = report.features;
  const axis = (field: 'x' | 'y', title: string) => ({
    [field]: { field, type: 'quantitative', scale: { zero: false }, axis: { title } },
  });
  return {
    width: WIDTH,
    height: WIDTH * 0.7,
    layer: pointLayers(report, sample, axis('x', a), axis('y', b)),
  } as TopLevelSpec;
}

/** Where most of the points are, with coastlines; turned so that what lies across the antimeridian stays together. */
function mapSpec(report: ClusterReport, sample: Sample, coast: object): TopLevelSpec {
  const { centre, scale } = viewOf(sample);
  return {
    width: WIDTH * 1.25,
    height: WIDTH * 0.8,
    projection: {
      type: 'equirectangular',
      rotate: [-centre[0], 0, 0],
      center: [0, centre[1]],
      scale,
      clipExtent: [
        [0, 0],
        [WIDTH * 1.25, WIDTH * 0.8],
      ],
    },
    layer: [
      {
        data: { graticule: { step: [10, 10] } },
        mark: { type: 'geoshape', filled: false, stroke: '#dddddd', strokeWidth: 0.5 },
      },
      {
        data: { values: coast, format: { type: 'topojson', feature: 'land' } },
        mark: { type: 'geoshape', fill: '#f2f2ef', stroke: '#777777', strokeWidth: 0.8 },
      },
      ...pointLayers(
        report,
        sample,
        { longitude: { field: 'x', type: 'quantitative' } },
        { latitude: { field: 'y', type: 'quantitative' } },
      ),
    ],
  } as TopLevelSpec;
}

/** The middle of the points and how many pixels a radian has, with room at the edges. */
function viewOf(sample: Sample): { centre: [number, number]; scale: number } {
  const radians = Math.PI / 180;
  let sine = 0;
  let cosine = 0;
  let south = 90;
  let north = -90;
  for (const [lon, lat] of sample) {
    sine += Math.sin(lon * radians);
    cosine += Math.cos(lon * radians);
    south = Math.min(south, lat);
    north = Math.max(north, lat);
  }
  const middle = Math.atan2(sine, cosine) / radians;
  let west = 0;
  let east = 0;
  for (const [lon] of sample) {
    const offset = ((((lon - middle + 180) % 360) + 360) % 360) - 180;
    west = Math.min(west, offset);
    east = Math.max(east, offset);
  }
  const width = Math.max(4, (east - west) * 1.15);
  const height = Math.max(4, (north - south) * 1.15);
  const scale = Math.min((WIDTH * 1.25) / (width * radians), (WIDTH * 0.8) / (height * radians));
  return { centre: [middle + (west + east) / 2, (south + north) / 2], scale };
}

let coastlines: Promise<object> | undefined;

/** Natural Earth's land at 1:110 million. */
function land(): Promise<object> {
  coastlines ??= readFile(createRequire(import.meta.url).resolve('world-atlas/land-110m.json'), 'utf8').then(
    (text) => JSON.parse(text) as object,
  );
  return coastlines;
}
