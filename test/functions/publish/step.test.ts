import { describe, expect, it } from '@jest/globals';
import { successorName } from '../../../functions/publish/step.ts';

describe('successorName', () => {
  it('tells runs apart whose names fill what a name may have, however often they are succeeded', () => {
    const event = '4f2d6c1e-88aa-4c0b-9d63-0f6f2ad1c7b5_7be1a2d4-1c5f-4b8a-a1de-3c2b9f00e6a1';
    const names = new Set<string>();
    for (const second of ['05', '06']) {
      let run = `${event}-20260102T0304${second}000Z`;
      for (let again = 0; again < 10; again++) {
        const name = successorName(run);
        expect(name.length).toBeLessThanOrEqual(80);
        names.add(name);
        run = `${name}-20260102T030500000Z`;
      }
    }
    expect(names.size).toBe(20);
  });
});
