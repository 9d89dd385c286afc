import { randomUUID } from 'node:crypto';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { glueCatalog } from '../shared/adapters/glue-catalog.ts';
import { s3ObjectStore } from '../shared/adapters/s3-object-store.ts';
import { sfnExecutions } from '../shared/adapters/sfn-executions.ts';
import type { TableEngine } from '../shared/engine/table-engine.ts';
import { BadDataset } from '../shared/errors.ts';
import { DEFAULT_GRACE_MINUTES } from '../shared/limits.ts';
import { systemClock } from '../shared/ports/clock.ts';
import type { ObjectStore, SourceAccess } from '../shared/ports/object-store.ts';
import type { Ports } from '../shared/ports/ports.ts';

let ports: Ports | undefined;

/** The ports of a Lambda function or container, made once a process; bucket names come from the environment. */
export function awsPorts(): Ports {
  ports ??= makePorts();
  return ports;
}

function makePorts(): Ports {
  const objects = s3ObjectStore({});
  const others = new Map<string, ObjectStore>();
  let engine: Promise<TableEngine> | undefined;
  return {
    objects,
    sources(access: SourceAccess): ObjectStore {
      if (Object.keys(access).length === 0) return objects;
      const key = JSON.stringify(access);
      const known = others.get(key) ?? s3ObjectStore({ access });
      others.set(key, known);
      return known;
    },
    catalog: glueCatalog({}),
    executions: sfnExecutions(),
    engine() {
      // Only the steps that read or write tables pay for loading it.
      engine ??= import('../shared/engine/duckdb-engine.ts').then(({ duckdbEngine }) => duckdbEngine());
      return engine;
    },
    clock: systemClock,
    newId: randomUUID,
    places: {
      landing: required('LANDING_BUCKET'),
      work: required('WORK_BUCKET'),
      lake: required('LAKE_BUCKET'),
    },
    graceMinutes: DEFAULT_GRACE_MINUTES,
    newScratch: () => mkdtemp(join(tmpdir(), 'sluice-')),
  };
}

function required(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === '') throw new BadDataset(`The environment variable ${name} is not set`);
  return value;
}
