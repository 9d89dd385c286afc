import { seededRandom } from './random.ts';

/** 12 mixed columns, as the table has them. */
export const TRIPS_HEADER = 'trip_id,vendor_id,pickup_at,dropoff_at,passengers,distance,fare,tip,city,payment,lat,note';

const FIRST_PICKUP_MS = Date.UTC(2023, 0, 1);
const DAYS = 365;
const DAY_SECONDS = 86_400;
const CITIES = ['New York', 'Boston', 'Chicago', 'San Jose', 'Austin', 'Seattle', 'Miami', 'Denver'];
const PAYMENTS = ['card', 'cash', 'wallet', 'voucher'];
const WORDS =
  'driver took the bridge because of roadworks and the passenger asked about a receipt for two suitcases left in back'.split(
    ' ',
  );

/**
 * Rows of taxi trips as CSV, each with its line feed: numbers, times, short texts; a twentieth of `passengers`, three tenths of `tip` and
 * half of `note` are null; a tenth of the notes need quotes, and in 1% of the rows a note goes over two lines.
 */
export function tripRows(seed: number): () => string {
  const random = seededRandom(seed);
  const below = (bound: number) => Math.floor(random() * bound);
  // The same text for the same second would cost most of the time: dates are cut from a table.
  const days = Array.from({ length: DAYS + 2 }, (_, day) =>
    new Date(FIRST_PICKUP_MS + day * DAY_SECONDS * 1000).toISOString().slice(0, 10),
  );
  const two = Array.from({ length: 60 }, (_, n) => String(n).padStart(2, '0'));
  const instant = (second: number) => {
    const inDay = second % DAY_SECONDS;
    return `${days[Math.floor(second / DAY_SECONDS)]}T${two[Math.floor(inDay / 3600)]}:${two[Math.floor(inDay / 60) % 60]}:${two[inDay % 60]}.000Z`;
  };
  const hundredths = (bound: number, from = 0) => ((below(bound * 100) + from * 100) / 100).toFixed(2);
  let id = 0;

  return () => {
    id++;
    const pickup = below(DAYS * DAY_SECONDS);
    const dropoff = pickup + 120 + below(5280);
    const passengers = random() < 0.05 ? '' : String(1 + below(6));
    const tip = random() < 0.3 ? '' : hundredths(20);
    const lat = (40 + below(2_000_000) / 1e6).toFixed(6);
    return (
      `${id},${1 + below(4)},${instant(pickup)},${instant(dropoff)},${passengers},${hundredths(30)},${hundredths(120, 3)},${tip},` +
      `${CITIES[below(CITIES.length)]},${PAYMENTS[below(PAYMENTS.length)]},${lat},${note()}\n`
    );
  };

  function note(): string {
    const kind = random();
    if (kind < 0.5) return '';
    let text = WORDS[below(WORDS.length)]!;
    for (let more = 1 + below(6); more > 0; more--) text += ` ${WORDS[below(WORDS.length)]}`;
    if (kind < 0.9) return text;
    if (kind < 0.98) return `"${text}, ok"`;
    if (kind < 0.99) return `"${text}, ""quoted"""`;
    return `"${text}\nsecond line, ${WORDS[below(WORDS.length)]}"`;
  }
}

export const NUMERIC_HEADER = 'id,lat,lon,energy,at';

/** Rows of numbers alone, as of lightning strokes. */
export function numericRows(seed: number): () => string {
  const random = seededRandom(seed);
  let id = 0;
  return () => {
    const lat = (random() * 180 - 90).toFixed(7);
    const lon = (random() * 360 - 180).toFixed(7);
    return `${id},${lat},${lon},${(random() * 1000).toFixed(5)},${(1.6e9 + id++ * 0.25 + random() * 0.2).toFixed(3)}\n`;
  };
}
