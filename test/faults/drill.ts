import { parseArgs } from 'node:util';
import { runHistory } from './history.ts';

/** `npm run drill -- --histories N --seed S`: N random histories from seed S on. A failing one prints the line that replays it. */
const { values } = parseArgs({
  options: { histories: { type: 'string', default: '100' }, seed: { type: 'string', default: '1' } },
});
const histories = Number(values.histories);
const first = Number(values.seed);
let executions = 0;
let faults = 0;
let violations = 0;
const startedAt = performance.now();
for (let seed = first; seed < first + histories; seed++) {
  const outcome = await runHistory(seed);
  executions += outcome.executions;
  faults += outcome.faults;
  if (outcome.violations.length === 0) continue;
  violations++;
  console.log(`npm run drill -- --histories 1 --seed ${seed}`);
  for (const violation of outcome.violations.slice(0, 5)) console.log(`  ${violation}`);
}
const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
console.log(
  `${histories} histories, ${executions} executions, ${faults} faults injected, ${violations} violations, ${seconds} s`,
);
process.exitCode = violations === 0 ? 0 : 1;
