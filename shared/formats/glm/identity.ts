/** Which granule a file is: from its own attributes, for names may be changed. */
export interface GranuleIdentity {
  /** `G16`, as in the files' names. */
  satellite: string;
  /** Microseconds since 1970, UTC. */
  start: number;
  end: number;
  created: number;
}

/** `2018-07-02T04:33:23.1Z` in microseconds since 1970; undefined for what is no time. */
export function microsecondsOf(time: string | undefined): number | undefined {
  const ms = time === undefined ? Number.NaN : Date.parse(time);
  return Number.isNaN(ms) ? undefined : Math.round(ms * 1000);
}

const NAME = /OR_GLM-L2-LCFA_(G\d\d)_s(\d{14})_e(\d{14})_c(\d{14})/;

/**
 * The identity in a file's name: `…_G16_s20181830433000_e20181830433200_c20181830433231.nc`, year, day of the year, time and
 * tenths of a second. Undefined where the name is another.
 */
export function identityOfName(name: string): GranuleIdentity | undefined {
  const match = NAME.exec(name);
  if (!match) return undefined;
  const [satellite, start, end, created] = match.slice(1) as [string, string, string, string];
  return { satellite, start: timeOfName(start), end: timeOfName(end), created: timeOfName(created) };
}

/** The name of a granule's file, as NOAA gives it. */
export function nameOfIdentity({ satellite, start, end, created }: GranuleIdentity): string {
  return `OR_GLM-L2-LCFA_${satellite}_s${nameOfTime(start)}_e${nameOfTime(end)}_c${nameOfTime(created)}.nc`;
}

function timeOfName(digits: string): number {
  const [year, day, hour, minute, tenths] = [
    digits.slice(0, 4),
    digits.slice(4, 7),
    digits.slice(7, 9),
    digits.slice(9, 11),
    digits.slice(11),
  ].map(Number) as [number, number, number, number, number];
  return Date.UTC(year, 0, day, hour, minute, 0) * 1000 + tenths * 100_000;
}

function nameOfTime(microseconds: number): string {
  const time = new Date(microseconds / 1000);
  const year = time.getUTCFullYear();
  const day = Math.floor((time.getTime() - Date.UTC(year, 0, 1)) / 86_400_000) + 1;
  const two = (value: number) => String(value).padStart(2, '0');
  const tenths = Math.floor(time.getUTCSeconds() * 10 + time.getUTCMilliseconds() / 100);
  return `${year}${String(day).padStart(3, '0')}${two(time.getUTCHours())}${two(time.getUTCMinutes())}${String(tenths).padStart(3, '0')}`;
}
