import { random } from '../../shared/kernels/random.ts';

/** Thirty clusters of different size and width over a box, and 15% of points anywhere in it: like places of lightning. */
export function clusteredPoints(count: number, dimensions: number): Float64Array {
  const source = random(7, dimensions);
  const lows = [-125, -55, 0, 0];
  const highs = [-35, 55, 100, 100];
  const within = (d: number) => lows[d]! + source.uniform() * (highs[d]! - lows[d]!);
  const normal = () => Math.sqrt(-2 * Math.log(1 - source.uniform())) * Math.cos(2 * Math.PI * source.uniform());
  const clusters = Array.from({ length: 30 }, () => ({
    centre: Array.from({ length: dimensions }, (_, d) => within(d)),
    width: Array.from({ length: dimensions }, () => 0.5 + 3 * source.uniform()),
    weight: -Math.log(1 - source.uniform()),
  }));
  const total = clusters.reduce((sum, { weight }) => sum + weight, 0);
  const points = new Float64Array(count * dimensions);
  for (let i = 0; i < count; i++) {
    let left = source.uniform() * total;
    const cluster =
      clusters.find(({ weight }) => {
        left -= weight;
        return left < 0;
      }) ?? clusters[0]!;
    const alone = source.uniform() < 0.15;
    for (let d = 0; d < dimensions; d++) {
      points[i * dimensions + d] = alone ? within(d) : cluster.centre[d]! + normal() * cluster.width[d]!;
    }
  }
  return points;
}
