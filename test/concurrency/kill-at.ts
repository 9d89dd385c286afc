import { promises } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

/**
 * Loaded into a process before its own program (`node --import`): ends it by SIGKILL at the k-th change that it makes to
 * files below a folder, before the change or right after it. With k = -1 it lives, and says at its end how many there were.
 */
const below = process.env['SLUICE_TEST_KILL_BELOW'] ?? '';
const target = Number(process.env['SLUICE_TEST_KILL_AT'] ?? '-1');
const after = process.env['SLUICE_TEST_KILL_AFTER'] === '1';
let changes = 0;

const die = () => process.kill(process.pid, 'SIGKILL');

for (const method of [
  'link',
  'rename',
  'unlink',
  'symlink',
  'mkdir',
  'rmdir',
  'writeFile',
  'copyFile',
  'rm',
] as const) {
  // biome-ignore lint/suspicious/noExplicitAny: methods of any signature are passed through
  const call = promises[method] as any;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  (promises as any)[method] = async (...args: any[]) => {
    const counts = args.some((arg) => typeof arg === 'string' && arg.startsWith(below));
    const mine = counts ? changes++ : -2;
    if (mine === target && !after) die();
    try {
      return await call.apply(promises, args);
    } finally {
      if (mine === target) die();
    }
  };
}
syncBuiltinESMExports();

if (target === -1) process.on('exit', () => process.stderr.write(`changes: ${changes}\n`));
