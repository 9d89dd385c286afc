import { parseArgs } from 'node:util';
import { runHistory } from './history.ts';

/** `npm run drill -- --histories N --seed S`: N random histories from seed S on. A failing one prints the line that replays it. */
const { values } = parseArgs({
  options: { histories: { type: 'string', default: '100' }, seed: { type: 'string', default: '1' } },
});
const histories = Number(values.histories);
const first = Number(values.seed);
const sum = { executions: 0, faults: 0, vacuumed: 0, polls: 0 };
let violations = 0;
const startedAt = performance.now();
for (let seed = first; seed < first + histories; seed++) {
  const outcome = await runHistory(seed);
  for (const key of ['executions', 'faults', 'vacuumed', 'polls'] as const) sum[key] += outcome[key];
  if (outcome.violations.length === 0) continue;
  violations++;
  console.log(`npm run drill -- --histories 1 --seed ${seed}`);
  for (const violation of outcome.violations.slice(0, 5)) console.log(`  ${violation}`);
}
const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
const peakMiB = (process.resourceUsage().maxRSS / 1024).toFixed(0);
console.log(
  `${histories} histories, ${sum.executions} executions, ${sum.faults} faults injected, ${sum.vacuumed} runs vacuumed, ` +
    `${sum.polls} polls by readers, ${violations} violations, ${seconds} s, at most ${peakMiB} MiB`,
);
process.exitCode = violations === 0 ? 0 : 1;
