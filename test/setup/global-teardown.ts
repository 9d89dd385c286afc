/** Ends the moto that global-setup.ts started. */
export default async function globalTeardown(): Promise<void> {
  const pid = Number(process.env['SLUICE_TEST_MOTO_PID']);
  if (pid > 0) process.kill(pid);
}
