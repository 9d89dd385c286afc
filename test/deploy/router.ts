import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Invokes a function by its name; throws an error of the name that Lambda would tell. */
export type Invoke = (functionName: string, event: unknown) => Promise<unknown>;

/**
 * AWS's front door for moto's Step Functions: what it asks of Lambda is answered by `invoke`, everything else goes on to
 * moto. It has to listen before moto starts, which is told its port.
 */
export class Router {
  readonly port: number;
  readonly #server: Server;
  #moto = '';

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
  }

  static async start(invoke: Invoke): Promise<Router> {
    const chunksOf = async (stream: AsyncIterable<Buffer>) => Buffer.concat(await Array.fromAsync(stream));
    let router: Router | undefined;
    const server = createServer(async (incoming, answer) => {
      const body = await chunksOf(incoming);
      const called = /^\/2015-03-31\/functions\/([^/]+)\/invocations/.exec(incoming.url ?? '')?.[1];
      if (called !== undefined) {
        const [headers, text] = await answerOf(invoke, decodeURIComponent(called), body);
        answer.writeHead(200, headers).end(text);
        return;
      }
      const target = new URL(incoming.url ?? '/', router!.#moto);
      const forwarded = request(target, { method: incoming.method, headers: incoming.headers }, async (reply) => {
        answer.writeHead(reply.statusCode ?? 502, reply.headers);
        reply.pipe(answer);
      });
      forwarded.on('error', () => answer.writeHead(502).end());
      forwarded.end(body);
    });
    await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
    router = new Router(server);
    return router;
  }

  forwardTo(motoUrl: string): void {
    this.#moto = motoUrl;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async end(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }
}

/** As Lambda answers: an error in a header, its name and message in the body. */
async function answerOf(invoke: Invoke, name: string, body: Buffer): Promise<[Record<string, string>, string]> {
  const event = body.length === 0 ? {} : JSON.parse(body.toString('utf8'));
  try {
    return [{ 'content-type': 'application/json' }, JSON.stringify((await invoke(name, event)) ?? null)];
  } catch (error) {
    const { name: errorType, message: errorMessage } = error as Error;
    const headers = { 'content-type': 'application/json', 'x-amz-function-error': 'Unhandled' };
    return [headers, JSON.stringify({ errorType, errorMessage, trace: [] })];
  }
}
