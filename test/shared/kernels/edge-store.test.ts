import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { EdgeStore } from '../../../shared/kernels/edge-store.ts';

describe('EdgeStore', () => {
  it('keeps each pair once, by its least distance, whatever its direction and number', () => {
    const node = fc.integer({ min: 0, max: 12 });
    const edge = fc.tuple(node, node, fc.integer({ min: 0, max: 9 }));
    fc.assert(
      fc.property(fc.array(edge), fc.integer({ min: 1, max: 7 }), (edges, chunkEdges) => {
        const store = new EdgeStore({ distances: true, chunkEdges });
        const expected = new Map<string, number>();
        for (const [a, b, distance] of edges) {
          store.add(a, b, distance);
          if (a === b) continue;
          const key = `${Math.min(a, b)}-${Math.max(a, b)}`;
          expected.set(key, Math.min(distance, expected.get(key) ?? distance));
        }
        const { nodes, offsets, targets, distances } = store.toGraph(13);
        const found = new Map<string, number>();
        for (let i = 0; i < nodes; i++) {
          for (let e = offsets[i]!; e < offsets[i + 1]!; e++) found.set(`${i}-${targets[e]}`, distances![e]!);
        }
        expect(found).toEqual(expected);
        expect(targets).toHaveLength(expected.size);
        expect(store.count).toBe(0);
      }),
    );
  });

  it('can be filled again once it gave its graph', () => {
    const store = new EdgeStore();
    store.add(0, 1);
    expect(store.count).toBe(1);
    store.toGraph(2);
    store.add(2, 1);
    expect([...store.toGraph(3).offsets]).toEqual([0, 0, 1, 1]);
  });

  it('makes graphs without edges and without nodes', () => {
    expect([...new EdgeStore().toGraph(0).offsets]).toEqual([0]);
    expect([...new EdgeStore().toGraph(2).offsets]).toEqual([0, 0, 0]);
  });

  it('refuses what is no distance and no node, with both values', () => {
    const store = new EdgeStore({ distances: true });
    expect(() => store.add(0, 1, Number.NaN)).toThrow('Cannot add the edge 0–1: its distance is NaN');
    expect(() => store.add(0, 1, -2)).toThrow('its distance is -2');
    store.add(0, 7, 1);
    expect(() => store.toGraph(5)).toThrow('an edge names node 7 where there are 5 nodes');
  });
});
