import { expect, it } from '@jest/globals';
import { FileGrowth } from '../../../shared/engine/file-growth.ts';

it('answers once so many bytes are there, or all', async () => {
  const growth = new FileGrowth();
  const answers: string[] = [];
  const ask = (bytes: number) =>
    growth.reached(bytes).then((now) => answers.push(`${bytes}: ${now.bytes}${now.isComplete ? ' of all' : ''}`));
  const asked = [ask(10), ask(5), ask(0)];
  growth.grow(4);
  await asked[2];
  expect(answers).toEqual(['0: 0']);
  growth.grow(7);
  await asked[1];
  growth.complete(8);
  await Promise.all(asked);
  await ask(8);
  expect(answers).toEqual(['0: 0', '5: 7', '10: 8 of all', '8: 8 of all']);
});

it('tells of a file that is given up, also those who ask later', async () => {
  const growth = new FileGrowth();
  const asked = growth.reached(1);
  growth.giveUp(new Error('no rows'));
  growth.giveUp(new Error('and again'));
  await expect(asked).rejects.toThrow('no rows');
  await expect(growth.reached(0)).rejects.toThrow('no rows');
});
