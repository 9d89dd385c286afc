import { subscribe } from 'node:diagnostics_channel';
import { pathToFileURL } from 'node:url';

/** What Lambda's runtime is to a function: loads the handler that the argument names, then answers event after event. */
interface Invocation {
  event: unknown;
  requestId: string;
}

/** Threads of Node's that the function started, one after the other. */
let threads = 0;
subscribe('worker_threads', () => {
  threads++;
});

const { handler } = (await import(pathToFileURL(process.argv[2]).href)) as {
  handler: (event: unknown, context: object) => Promise<unknown>;
};

process.on('message', async ({ event, requestId }: Invocation) => {
  const name = process.env['AWS_LAMBDA_FUNCTION_NAME'];
  const context = {
    awsRequestId: requestId,
    functionName: name,
    functionVersion: '1',
    invokedFunctionArn: `arn:aws:lambda:eu-west-1:123456789012:function:${name}:1`,
    memoryLimitInMB: process.env['AWS_LAMBDA_FUNCTION_MEMORY_SIZE'],
    getRemainingTimeInMillis: () => 900_000,
  };
  try {
    const output = await handler(event, context);
    process.send?.({ output: output === undefined ? null : JSON.parse(JSON.stringify(output)), threads });
  } catch (error) {
    const { name: errorType, message: errorMessage, stack: trace } = error as Error;
    process.send?.({ errorType, errorMessage, trace, threads });
  }
});

// Without it the report asks for the names of all that is connected.
Object.assign(process.report, { excludeNetwork: true });
const { sharedObjects } = process.report.getReport() as { sharedObjects: string[] };
process.send?.({ libraries: sharedObjects });
