import { GlueClient } from '@aws-sdk/client-glue';
import { S3Client } from '@aws-sdk/client-s3';
import { makeSteps, type StepHandler } from '../../functions/steps.ts';
import { DEFINITION } from '../../local/execute.ts';
import { openHome } from '../../local/home.ts';
import { type ExecutionRecords, loadDefinition, runMachine } from '../../local/machine.ts';
import { glueCatalog } from '../../shared/adapters/glue-catalog.ts';
import { s3ObjectStore } from '../../shared/adapters/s3-object-store.ts';
import { parseDataset } from '../../shared/dataset/parse.ts';
import { registryOf } from '../../shared/dataset/registry.ts';
import { toRequest } from '../../shared/dataset/to-request.ts';
import type { Ports } from '../../shared/ports/ports.ts';
import { testPorts } from '../doubles/ports.ts';
import type { Go, Order, Report } from './publishers.ts';

/** A process with several executions under way, all of which wait before their publish until the parent says go. */
const order = JSON.parse(process.argv[2] ?? '') as Order;
const { ports, executions, close } = await open();
const { promise: go, resolve: start } = Promise.withResolvers<void>();
process.once('message', (message: Go) => message === 'go' && start());

const dataset = parseDataset(order.dataset, 'the test');
const steps = makeSteps(ports, (input, now) =>
  toRequest(input, { environment: {}, datasets: registryOf([dataset]), places: ports.places, now }),
);
const definition = await loadDefinition(DEFINITION);
const outcomes = await Promise.all(order.keys.map(execute));
const calls = Object.values(ports.objects.calls).reduce((sum, count) => sum + count, 0);
await close();
process.send!({ outcomes, calls } satisfies Report);
process.disconnect();

async function execute(key: string): Promise<Report['outcomes'][number]> {
  let publishes = 0;
  const Publish: StepHandler = async (event, attempt) => {
    if (publishes++ === 0) {
      process.send!('ready');
      await go;
    }
    return steps['Publish']!(event, attempt);
  };
  const handlers = Object.entries({ ...steps, Publish }).map(([step, handler]) => [
    `${step}LambdaFunction`,
    (event: unknown, context: { attemptId: string }) => handler(event, context.attemptId),
  ]);
  const { status, endState, error } = await runMachine({
    definition,
    handlers: Object.fromEntries(handlers),
    objects: ports.objects,
    input: { dataset: dataset.name, objects: [{ bucket: ports.places.landing, key }] },
    clock: { now: () => new Date() },
    // The pauses between attempts are the machine's own, shortened where nothing is slow.
    retryScale: order.at.kind === 'directory' ? 0.2 : 1,
    ...(executions ? { executions } : {}),
  });
  return { key, status, endState, publishes, ...(error ? { error: `${error.name}: ${error.cause}` } : {}) };
}

async function open(): Promise<{ ports: Ports; executions?: ExecutionRecords; close(): Promise<void> }> {
  if (order.at.kind === 'directory') {
    const home = await openHome(order.at.home);
    return { ports: home.ports, executions: home.executions, close: () => home.close() };
  }
  const { endpoint, places } = order.at;
  const connection = { endpoint, region: 'us-east-1', credentials: { accessKeyId: 't', secretAccessKey: 't' } };
  const s3 = new S3Client({ ...connection, forcePathStyle: true });
  const glue = new GlueClient(connection);
  const objects = s3ObjectStore({ client: s3 });
  const home = await openHome(order.at.scratch);
  const ports: Ports = {
    ...testPorts(),
    objects,
    sources: () => objects,
    catalog: glueCatalog({ client: glue }),
    // None of the others is known here, nor is it gone.
    executions: { status: async () => 'RUNNING', gone: async () => false },
    clock: { now: () => new Date() },
    newId: home.ports.newId,
    places,
    newScratch: home.ports.newScratch,
  };
  return {
    ports,
    async close() {
      await home.close();
      s3.destroy();
      glue.destroy();
    },
  };
}
