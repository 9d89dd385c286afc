import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface MotoServer {
  url: string;
  pid: number;
}

const SCRIPT = fileURLToPath(new URL('../python/moto_server.py', import.meta.url));

/**
 * Starts moto and resolves once it answers. It ends with this process, or when its pid is told to. With `executePort` its
 * Step Functions runs what it is given, and asks the AWS at that port.
 */
export async function startMoto(python: string, { executePort }: { executePort?: number } = {}): Promise<MotoServer> {
  const child = spawn(python, executePort === undefined ? [SCRIPT] : [SCRIPT, '--execute'], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: executePort === undefined ? process.env : { ...process.env, MOTO_PORT: String(executePort) },
  });
  const url = await Promise.race([firstUrl(child), failureOf(child)]);
  // The tests' own end must not wait for it.
  child.unref();
  for (const stream of [child.stdin, child.stdout, child.stderr]) (stream as unknown as { unref(): void }).unref();
  child.stderr.resume();
  return { url, pid: child.pid! };
}

async function firstUrl(child: ChildProcess): Promise<string> {
  for await (const line of createInterface({ input: child.stdout! })) return (JSON.parse(line) as { url: string }).url;
  return new Promise(() => {});
}

function failureOf(child: ChildProcess): Promise<never> {
  let errors = '';
  child.stderr!.on('data', (text: Buffer) => {
    errors += text;
  });
  return new Promise((_, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`moto ended with code ${code}: ${errors}`)));
  }) as Promise<never>;
}
