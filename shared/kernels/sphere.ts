import { EARTH_RADIUS_KM } from '../limits.ts';

/**
 * Places on the sphere as unit vectors. The straight line between two of them (the chord) orders pairs as the arc does, so
 * that Euclidean kernels work on the sphere, with nothing special about the antimeridian and the poles.
 */
const RADIANS = Math.PI / 180;

/**
 * Unit vectors `[x, y, z, …]` of places `[latitude, longitude, …]` in degrees. Longitudes may be given in ±180 or 0 … 360;
 * the same place has the same vector to the bit, whichever way it is written.
 * @throws RangeError for a latitude outside ±90, a longitude outside −180 … 360, and what is not finite.
 */
export function unitVectors(places: Float64Array): Float64Array {
  if (places.length % 2 !== 0) throw new RangeError(`Cannot read ${places.length} numbers as latitudes and longitudes`);
  const vectors = new Float64Array((places.length / 2) * 3);
  for (let i = 0; i < places.length / 2; i++) {
    const latitude = places[2 * i]!;
    const longitude = places[2 * i + 1]!;
    if (!(latitude >= -90 && latitude <= 90)) {
      throw new RangeError(
        `Cannot place row ${i} (${latitude}, ${longitude}): its latitude is ${latitude} where −90 to 90 is expected`,
      );
    }
    if (!(longitude >= -180 && longitude <= 360)) {
      throw new RangeError(
        `Cannot place row ${i} (${latitude}, ${longitude}): its longitude is ${longitude} where −180 to 360 is expected`,
      );
    }
    if (Math.abs(latitude) === 90) {
      vectors[3 * i + 2] = Math.sign(latitude);
      continue;
    }
    const turn = (longitude >= 180 ? longitude - 360 : longitude) * RADIANS;
    const ring = Math.cos(latitude * RADIANS);
    vectors[3 * i] = ring * Math.cos(turn);
    vectors[3 * i + 1] = ring * Math.sin(turn);
    vectors[3 * i + 2] = Math.sin(latitude * RADIANS);
  }
  return vectors;
}

/** The place `[latitude, longitude]` in degrees (longitude in −180 … 180) where a vector of any length points to. */
export function placeOf(x: number, y: number, z: number): [latitude: number, longitude: number] {
  return [Math.atan2(z, Math.hypot(x, y)) / RADIANS, Math.atan2(y, x) / RADIANS];
}

/** The angle in radians between two places in degrees (haversine formula; Sinnott, 1984). */
export function haversine(latitudeA: number, longitudeA: number, latitudeB: number, longitudeB: number): number {
  const northing = Math.sin(((latitudeB - latitudeA) * RADIANS) / 2);
  const easting = Math.sin(((longitudeB - longitudeA) * RADIANS) / 2);
  const square = northing ** 2 + Math.cos(latitudeA * RADIANS) * Math.cos(latitudeB * RADIANS) * easting ** 2;
  return 2 * Math.asin(Math.min(1, Math.sqrt(square)));
}

/** The chord of the unit sphere under an angle in radians; beyond half a turn, its diameter. */
export function chordOfAngle(radians: number): number {
  return radians >= Math.PI ? 2 : 2 * Math.sin(radians / 2);
}

/** The angle in radians over a chord of the unit sphere. */
export function angleOfChord(chord: number): number {
  return 2 * Math.asin(Math.min(1, chord / 2));
}

/** Kilometres on the Earth, taken as a sphere, for an angle in radians. */
export function kilometres(radians: number): number {
  return radians * EARTH_RADIUS_KM;
}

/** The angle in radians for kilometres on the Earth, taken as a sphere. */
export function radiansOfKilometres(km: number): number {
  return km / EARTH_RADIUS_KM;
}
