import { readFile } from 'node:fs/promises';
import { expect, it } from '@jest/globals';
import { describeWithPython } from './available.ts';
import { runPython } from './run-python.ts';

describeWithPython('the tests’ Python', () => {
  it('has the versions that are pinned', async () => {
    const pinned = await readFile(new URL('../python/requirements.txt', import.meta.url), 'utf8');
    const versions = await runPython<Record<string, string>>('versions.py');
    for (const [name, version] of Object.entries(versions)) {
      expect(pinned).toMatch(new RegExp(`^${name}(\\[.*\\])?==${version}$`, 'm'));
    }
  });

  it('says why a script failed', async () => {
    await expect(runPython('no-such-script.py')).rejects.toThrow(
      /no-such-script.py ended with code 2: .*No such file/s,
    );
  });
});
