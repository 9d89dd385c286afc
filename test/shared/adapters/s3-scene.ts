import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from '@jest/globals';
import { type S3ObjectStoreOptions, s3ObjectStore } from '../../../shared/adapters/s3-object-store.ts';
import type { ObjectStore } from '../../../shared/ports/object-store.ts';
import { type S3Answer, type S3Request, type ScriptedS3, scriptedS3 } from '../../doubles/scripted-s3.ts';

/** A store over a scripted S3, and a folder for its files; both are anew for each test. */
export interface Scene {
  s3: ScriptedS3;
  scratch: string;
  storeOver(
    answer: (request: S3Request, index: number) => S3Answer,
    options?: Partial<S3ObjectStoreOptions>,
  ): Promise<ObjectStore>;
}

export function s3Scene(): Scene {
  process.env['AWS_ACCESS_KEY_ID'] ??= 'test';
  process.env['AWS_SECRET_ACCESS_KEY'] ??= 'test';
  const open: ScriptedS3[] = [];
  const scene: Scene = {
    s3: undefined as unknown as ScriptedS3,
    scratch: '',
    async storeOver(answer, options = {}) {
      scene.s3 = await scriptedS3(answer);
      open.push(scene.s3);
      return s3ObjectStore({ endpoint: scene.s3.url, region: 'us-east-1', ...options });
    },
  };
  beforeEach(async () => {
    scene.scratch = await mkdtemp(join(tmpdir(), 's3-store-'));
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((s3) => s3.close()));
    await rm(scene.scratch, { recursive: true, force: true });
  });
  return scene;
}
