import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { feature } from 'topojson-client';
import type { Topology } from 'topojson-specification';
import { nameOfIdentity } from '../../shared/formats/glm/identity.ts';
import { writeGranule } from '../../shared/formats/glm/write-granule.ts';
import { type Random, random } from '../../shared/kernels/random.ts';

/** A granule of made-up lightning, by the key that NOAA's bucket would have it under. */
export interface MadeGranule {
  key: string;
  bytes: Uint8Array;
}

/** A thunderstorm: where it is, how wide, and how often it flashes. */
interface Storm {
  lat: number;
  lon: number;
  spread: number;
  flashesPerGranule: number;
}

const GRANULE_MS = 20_000;
/** Of 32 places where a storm may be, this share of those over the sea is taken: lightning prefers land. */
const SEA_SHARE = 0.08;
/** What a satellite at 75° W sees well. */
const VIEW = { west: -125, east: -30, south: -50, north: 50 };

/**
 * An hour (or part of one) of granules with storms over real coastlines, the same for the same seed. Every granule is 20 seconds;
 * flashes have groups, groups events, as in NOAA's files.
 */
export async function* madeGranules(options: {
  start: Date;
  granules: number;
  storms?: number;
  seed?: number;
  satellite?: string;
}): AsyncGenerator<MadeGranule> {
  const { start, granules, storms: count = 14, seed = 7, satellite = 'G18' } = options;
  const isLand = await landAt();
  const storms = placeStorms(count, random(seed), isLand);
  const ids = { flash: 100, group: 488_999_319, event: 1_120_987_945 };
  for (let index = 0; index < granules; index++) {
    const source = random(seed, 1, index);
    const content = lightning(storms, source);
    const from = start.getTime() + index * GRANULE_MS;
    const identity = {
      satellite,
      start: from * 1000,
      end: (from + GRANULE_MS) * 1000,
      created: (from + GRANULE_MS + 3_100) * 1000,
    };
    const bytes = await writeGranule({ identity, ...content, firstIds: { ...ids } });
    ids.flash = (ids.flash + content.flashes.length) % 60_000;
    ids.group += content.groups.length;
    ids.event += content.events.length;
    yield { key: `GLM-L2-LCFA/${folderOf(new Date(from))}/${nameOfIdentity(identity)}`, bytes };
  }
}

/** `2024/005/13`: year, day of the year, hour. */
function folderOf(time: Date): string {
  const day = Math.floor((time.getTime() - Date.UTC(time.getUTCFullYear(), 0, 1)) / 86_400_000) + 1;
  return `${time.getUTCFullYear()}/${String(day).padStart(3, '0')}/${String(time.getUTCHours()).padStart(2, '0')}`;
}

function placeStorms(count: number, source: Random, isLand: (lat: number, lon: number) => boolean): Storm[] {
  const storms: Storm[] = [];
  while (storms.length < count) {
    const lat = VIEW.south + source.uniform() * (VIEW.north - VIEW.south);
    const lon = VIEW.west + source.uniform() * (VIEW.east - VIEW.west);
    if (!isLand(lat, lon) && source.uniform() > SEA_SHARE) continue;
    storms.push({ lat, lon, spread: 0.3 + source.uniform() * 1.2, flashesPerGranule: 1 + source.uniform() * 12 });
  }
  return storms;
}

function lightning(
  storms: readonly Storm[],
  source: Random,
): Omit<Parameters<typeof writeGranule>[0], 'identity' | 'firstIds'> {
  const flashes: Parameters<typeof writeGranule>[0]['flashes'] = [];
  const groups: Parameters<typeof writeGranule>[0]['groups'] = [];
  const events: Parameters<typeof writeGranule>[0]['events'] = [];
  for (const storm of storms) {
    const number = Math.floor(storm.flashesPerGranule * (0.5 + source.uniform()));
    for (let f = 0; f < number; f++) {
      const lat = storm.lat + storm.spread * normal(source);
      const lon = storm.lon + (storm.spread * normal(source)) / Math.cos((storm.lat * Math.PI) / 180);
      const firstMs = Math.floor(source.uniform() * (GRANULE_MS - 1_000)) - 400;
      const flash = flashes.length;
      const groupCount = 1 + source.below(8);
      let energy = 0;
      for (let g = 0; g < groupCount; g++) {
        const timeMs = firstMs + g * 60;
        const group = groups.length;
        const place = { lat: lat + 0.05 * normal(source), lon: lon + 0.05 * normal(source) };
        const eventCount = 1 + source.below(4);
        let groupEnergy = 0;
        for (let e = 0; e < eventCount; e++) {
          const own = 1.5e-15 * (1 + source.below(40));
          groupEnergy += own;
          events.push({
            group,
            lat: place.lat + 0.03 * normal(source),
            lon: place.lon + 0.03 * normal(source),
            energy: own,
            timeMs,
          });
        }
        groups.push({ flash, ...place, area: 65 + 70 * eventCount, energy: groupEnergy, timeMs });
        energy += groupEnergy;
      }
      flashes.push({ lat, lon, area: 400 + 90 * groupCount, energy, firstMs, lastMs: firstMs + (groupCount - 1) * 60 });
    }
  }
  return { flashes, groups, events };
}

/** From a normal distribution (Box and Muller, 1958). */
function normal(source: Random): number {
  return Math.sqrt(-2 * Math.log(1 - source.uniform())) * Math.cos(2 * Math.PI * source.uniform());
}

type Ring = [number, number][];

/** Tells land from sea by the coastlines of Natural Earth at 1:110 million. */
async function landAt(): Promise<(lat: number, lon: number) => boolean> {
  const path = createRequire(import.meta.url).resolve('world-atlas/land-110m.json');
  const topology = JSON.parse(await readFile(path, 'utf8')) as Topology;
  const land = feature(topology, topology.objects['land']!) as unknown as {
    features?: { geometry: { coordinates: Ring[][] } }[];
    geometry?: { coordinates: Ring[][] };
  };
  const polygons = (land.features?.map(({ geometry }) => geometry) ?? [land.geometry!]).flatMap(
    ({ coordinates }) => coordinates,
  );
  return (lat, lon) => polygons.some((rings) => rings.filter((ring) => isInside(ring, lon, lat)).length % 2 === 1);
}

/** By the number of edges that a ray to the east meets. */
function isInside(ring: Ring, x: number, y: number): boolean {
  let inside = false;
  for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
    const [xi, yi] = ring[i]!;
    const [xj, yj] = ring[j]!;
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) inside = !inside;
  }
  return inside;
}
