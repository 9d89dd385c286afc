import { SPLIT_BYTES } from '../../shared/limits.ts';
import type { ExecutionStatus } from '../../shared/ports/executions.ts';
import type { Ports } from '../../shared/ports/ports.ts';
import { memoryCatalog } from './memory-catalog.ts';
import { memoryObjectStore } from './memory-object-store.ts';
import { plainEngine } from './plain-engine.ts';

export interface TestPorts extends Ports {
  /** Moves the clock. */
  setTime(iso: string): void;
  /** What is known of an execution; unknown and gone by default. */
  executionsKnown: Map<string, { status: ExecutionStatus; gone: boolean }>;
}

/** Ports over memory, with a clock and executions that the test decides on. */
export function testPorts(): TestPorts {
  let time = new Date('2026-01-02T03:04:05.000Z');
  const clock = { now: () => time };
  const objects = memoryObjectStore(['landing', 'work', 'lake'], clock.now);
  const known: TestPorts['executionsKnown'] = new Map();
  let ids = 0;
  return {
    objects,
    sources: () => objects,
    catalog: memoryCatalog(),
    executions: {
      status: async (id) => known.get(id)?.status ?? 'UNKNOWN',
      gone: async (id) => known.get(id)?.gone ?? true,
    },
    engine: async () => plainEngine(),
    clock,
    newId: () => `id-${ids++}`,
    places: { landing: 'landing', work: 'work', lake: 'lake' },
    graceMinutes: 0,
    splitBytes: SPLIT_BYTES,
    newScratch: () => Promise.reject(new Error('No scratch folder in this test')),
    setTime(iso) {
      time = new Date(iso);
    },
    executionsKnown: known,
  };
}
