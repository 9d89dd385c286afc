import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { sniffCsv } from '../../../../shared/formats/csv/sniff.ts';
import { SNIFF_BYTES } from '../../../../shared/limits.ts';

const FOLDER = 'node_modules/vega-datasets/data';

/** Columns and their types of every delimited file of vega-datasets; all have a header. b bigint, d double, s string, t timestamp. */
const EXPECTED: Record<string, string> = {
  'airports.csv': 'iata:s name:s city:s state:s country:s latitude:d longitude:d',
  'birdstrikes.csv':
    'Airport Name:s|Aircraft Make Model:s|Effect Amount of damage:s|Flight Date:date|Aircraft Airline Operator:s|Origin State:s|Phase of flight:s|Wildlife Size:s|Wildlife Species:s|Time of day:s|Cost Other:b|Cost Repair:b|Cost Total $:b|Speed IAS in knots:b',
  'co2-concentration.csv': 'Date:date|CO2:decimal(18,2)|adjusted CO2:decimal(18,2)',
  'disasters.csv': 'Entity:s Year:b Deaths:b',
  'flights-airport.csv': 'origin:s destination:s count:b',
  'gapminder-health-income.csv': 'country:s income:b health:d population:b region:s',
  'github.csv': 'time:t[%Y/%m/%d.%H:%M:%S] count:b',
  'global-temp.csv': 'year:b temp:d',
  'iowa-electricity.csv': 'year:date source:s net_generation:b',
  'la-riots.csv':
    'first_name:s last_name:s age:b gender:s race:s death_date:date address:s neighborhood:s type:s longitude:d latitude:d',
  'lookup_groups.csv': 'group:b person:s',
  'lookup_people.csv': 'name:s age:b height:b',
  'population_engineers_hurricanes.csv': 'state:s id:b population:b engineers:d hurricanes:b',
  'seattle-weather-hourly-normals.csv': 'date:t pressure:decimal(18,1) temperature:decimal(18,1) wind:decimal(18,1)',
  'seattle-weather.csv':
    'date:date precipitation:decimal(18,1) temp_max:decimal(18,1) temp_min:decimal(18,1) wind:decimal(18,1) weather:s',
  'sp500-2000.csv':
    'date:date open:decimal(18,6) high:decimal(18,6) low:decimal(18,6) close:decimal(18,6) adjclose:decimal(18,6) volume:b',
  'sp500.csv': 'date:date[%b.%d.%Y] price:d',
  'species.csv': 'item_id:s common_name:s scientific_name:s gap_species_code:s county_id:s habitat_yearround_pct:d',
  'stocks.csv': 'symbol:s date:date[%b.%d.%Y] price:d',
  'us-employment.csv':
    'month:date nonfarm:b private:b goods_producing:b service_providing:b private_service_providing:b mining_and_logging:b construction:b manufacturing:b durable_goods:b nondurable_goods:b trade_transportation_utilties:b wholesale_trade:d retail_trade:d transportation_and_warehousing:d utilities:d information:b financial_activities:b professional_and_business_services:b education_and_health_services:b leisure_and_hospitality:b other_services:b government:b nonfarm_change:b',
  'weather.csv':
    'location:s date:date precipitation:decimal(18,1) temp_max:decimal(18,1) temp_min:decimal(18,1) wind:decimal(18,1) weather:s',
  'windvectors.csv': 'longitude:decimal(18,3) latitude:decimal(18,3) dir:b dirCat:b speed:decimal(18,2)',
  'zipcodes.csv': 'zip_code:s latitude:d longitude:d city:s state:s county:s',
  'unemployment.tsv': 'id:b rate:d',
};

const CRLF = new Set(['birdstrikes.csv', 'global-temp.csv', 'windvectors.csv']);
const SHORT: Record<string, string> = { bigint: 'b', double: 'd', string: 's', timestamp: 't' };

describe('sniffCsv on the delimited files of vega-datasets', () => {
  it('knows all of them', () => {
    const files = readdirSync(FOLDER).filter((file) => /\.(csv|tsv)$/.test(file));
    expect(files.sort()).toEqual(Object.keys(EXPECTED).sort());
  });

  it.each(Object.keys(EXPECTED))('%s', (file) => {
    const bytes = readFileSync(`${FOLDER}/${file}`);
    const sample =
      bytes.length <= SNIFF_BYTES
        ? { head: bytes, complete: true }
        : { head: bytes.subarray(0, SNIFF_BYTES), tail: bytes.subarray(-SNIFF_BYTES), complete: false };
    const findings = sniffCsv(sample, {});
    const expected = EXPECTED[file]!;
    const columns = findings.columns.map(({ original, type, format }) => {
      const text = `${original}:${SHORT[type] ?? type}${format === undefined ? '' : `[${format}]`}`;
      // formats hold blanks, which part the columns above
      return format === undefined ? text : text.replaceAll(' ', '.');
    });
    expect(columns.join(expected.includes('|') ? '|' : ' ')).toBe(expected);
    expect(findings.dialect).toMatchObject({
      encoding: 'utf-8',
      bomBytes: 0,
      delimiter: file.endsWith('.tsv') ? '\t' : ',',
      quote: '"',
      escape: '"',
      lineEnd: CRLF.has(file) ? '\r\n' : '\n',
      skipLines: 0,
      headerRows: 1,
      footerRows: 0,
      comment: '',
      decimalComma: false,
      thousands: '',
    });
    expect(findings.regular).toBe(true);
    expect(findings.confidence).toBeGreaterThan(0.5);
  });
});
