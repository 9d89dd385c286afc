import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { startMoto } from './moto-server.ts';

const PYTHON = fileURLToPath(new URL('../../.venv/bin/python', import.meta.url));
/** test/run.sh writes it last, so an environment that was left half made is not used. */
const COMPLETE = fileURLToPath(new URL('../../.venv/complete', import.meta.url));

/** One moto for all suites, where test/run.sh has made the Python environment; its address goes to them by environment. */
export default async function globalSetup(): Promise<void> {
  if (!existsSync(PYTHON) || !existsSync(COMPLETE)) return;
  const moto = await startMoto(PYTHON);
  process.env['SLUICE_TEST_PYTHON'] = PYTHON;
  process.env['SLUICE_TEST_MOTO_URL'] = moto.url;
  process.env['SLUICE_TEST_MOTO_PID'] = String(moto.pid);
}
