import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openHome } from '../../local/home.ts';
import { BadRequest } from '../../shared/errors.ts';

describe('a home', () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-home-'));
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('has an engine that its signal interrupts, so that a process can end at once', async () => {
    const controller = new AbortController();
    const home = await openHome(join(folder, 'a'), { signal: controller.signal });
    const engine = await home.ports.engine();
    controller.abort();
    await expect(engine.describeParquet(join(folder, 'none'))).rejects.toMatchObject({ name: 'AbortError' });
    await home.close();
  });

  it('refuses a source that is S3 where it was opened without', async () => {
    const home = await openHome(join(folder, 'b'));
    expect(home.ports.sources({})).toBe(home.ports.objects);
    expect(() => home.ports.sources({ unsigned: true })).toThrow('opened without S3');
    await home.close();
  });

  it('is a folder, or can become one', async () => {
    await expect(openHome('/dev/null/home')).rejects.toThrow(BadRequest);
  });
});
