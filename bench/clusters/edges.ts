import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { random } from '../../shared/kernels/random.ts';

/** Edges of each node to nodes of higher number: no pair comes twice. */
const EDGES_OF_A_NODE = 20;
const COMMUNITY = 200;

export function nodesOf(edges: number): number {
  return Math.ceil(edges / EDGES_OF_A_NODE);
}

/**
 * Writes a list of distances as csv.gz: communities of 200 keys, seven of ten edges within them and short, the others to anywhere and long;
 * edges in random order, keys a letter and the number of the node.
 */
export async function writeEdges(path: string, edges: number): Promise<void> {
  const source = random(11);
  const nodes = nodesOf(edges);
  const from = new Uint32Array(edges);
  const to = new Uint32Array(edges);
  const distances = new Float32Array(edges);
  // Nodes stand under numbers at random, so that neighbours in the list are none in the graph.
  const numbers = shuffled(nodes, source);
  let count = 0;
  for (let node = 0; count < edges && node < nodes; node++) {
    const others = new Set<number>();
    const behind = Math.min(nodes, (Math.floor(node / COMMUNITY) + 1) * COMMUNITY);
    for (let tries = 0; others.size < EDGES_OF_A_NODE && tries < 100; tries++) {
      const near = source.uniform() < 0.7 && node + 1 < behind;
      const other = near
        ? node + 1 + source.below(behind - node - 1)
        : behind + source.below(Math.max(1, nodes - behind));
      if (other >= nodes || others.has(other)) continue;
      others.add(other);
      if (count === edges) break;
      const spread = source.uniform() * source.uniform() * source.uniform() * source.uniform();
      from[count] = numbers[node]!;
      to[count] = numbers[other]!;
      distances[count++] = near ? -0.08 * Math.log(spread + 1e-12) : 0.4 + 0.6 * source.uniform();
    }
  }
  const order = shuffled(count, source);
  function* lines(): Generator<string> {
    let text = 'key1,key2,distance\n';
    for (const e of order) {
      text += `${keyOf(from[e]!)},${keyOf(to[e]!)},${distances[e]!.toFixed(6)}\n`;
      if (text.length > 1 << 20) {
        yield text;
        text = '';
      }
    }
    yield text;
  }
  await pipeline(Readable.from(lines()), createGzip({ level: 1 }), createWriteStream(path));
}

function keyOf(node: number): string {
  return `K${String(node).padStart(8, '0')}`;
}

/** The integers below a count in random order (Fisher and Yates). */
function shuffled(count: number, source: { below(bound: number): number }): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = source.below(i + 1);
    const other = order[j]!;
    order[j] = order[i]!;
    order[i] = other;
  }
  return order;
}
