import { describe, expect, it } from '@jest/globals';
import { placeIn, withPlace } from '../../functions/error-place.ts';
import { BadInput } from '../../shared/errors.ts';

/** What Lambda's runtime makes of an error, and all that Step Functions hears of it. */
const asLambdaTells = (error: unknown) => {
  const { name, message, stack } = error as Error;
  return JSON.parse(JSON.stringify({ errorType: name, errorMessage: message, trace: stack!.split('\n') }));
};

describe('where an error happened', () => {
  it.each(['s3://landing/a.csv', 'a\nb "c"', 'weather.yml:3:5'])('comes through Lambda: %j', (where) => {
    const error = withPlace(new BadInput('It is cut short', { where }));
    const told = asLambdaTells(error);
    expect(told).toMatchObject({ errorType: 'BadInput', errorMessage: 'It is cut short' });
    expect(placeIn(told.trace)).toBe(where);
    expect(asLambdaTells(withPlace(error))).toEqual(told);
  });

  it('is not made up', () => {
    for (const error of [new BadInput('no place'), new TypeError('x'), 'text', undefined]) {
      expect(withPlace(error)).toBe(error);
    }
    expect(placeIn(asLambdaTells(new TypeError('x')).trace)).toBeUndefined();
    expect(placeIn(undefined)).toBeUndefined();
  });
});
