import {
  DescribeExecutionCommand,
  DescribeMapRunCommand,
  ExecutionDoesNotExist,
  GetExecutionHistoryCommand,
  type HistoryEvent,
  paginateListStateMachines,
  SFNClient,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn';
import { BadRequest } from '../errors.ts';
import type { ExecutionStatus } from '../ports/executions.ts';

/** The deployed state machine, for whoever starts executions from elsewhere and watches them. */
export interface DeployedMachine {
  /** The execution's ARN. */
  start(input: unknown, name?: string): Promise<string>;
  /** Throws `BadRequest` where there is no such execution. */
  status(execution: string): Promise<{ status: ExecutionStatus; error?: string; cause?: string }>;
  /** What happened behind an event, in order; 0: from the beginning. */
  happenings(execution: string, after: number): Promise<Happening[]>;
  mapRun(mapRunArn: string): Promise<{ total: number; succeeded: number; failed: number }>;
}

export interface Happening {
  id: number;
  at: Date;
  what: 'entered' | 'exited' | 'map';
  state: string;
  kind: 'Task' | 'Map' | 'Wait';
  /** A distributed Map has begun: its run. */
  mapRunArn?: string;
}

/** Finds it by its name, as `sluice-prod-load`; throws `BadRequest` where there is none in the account and region. */
export async function sfnDeployed(name: string, client: SFNClient = new SFNClient({})): Promise<DeployedMachine> {
  const machine = await machineNamed(name, client);
  return {
    async start(input, executionName) {
      const started = await client.send(
        new StartExecutionCommand({
          stateMachineArn: machine,
          input: JSON.stringify(input),
          ...(executionName === undefined ? {} : { name: executionName }),
        }),
      );
      return started.executionArn!;
    },
    async status(executionArn) {
      try {
        const { status = 'UNKNOWN', error, cause } = await client.send(new DescribeExecutionCommand({ executionArn }));
        const known = status === 'PENDING_REDRIVE' ? 'RUNNING' : status;
        return { status: known, ...(error === undefined ? {} : { error }), ...(cause === undefined ? {} : { cause }) };
      } catch (fault) {
        if (!(fault instanceof ExecutionDoesNotExist)) throw fault;
        throw new BadRequest(`There is no execution ${executionArn}`, { cause: fault });
      }
    },
    async happenings(executionArn, after) {
      const found: HistoryEvent[] = [];
      let nextToken: string | undefined;
      do {
        // From the end, where what is new is: a history has up to 25,000 events.
        const page = await client.send(
          new GetExecutionHistoryCommand({ executionArn, reverseOrder: true, maxResults: 200, nextToken }),
        );
        const events = (page.events ?? []).filter((event) => event.id! > after);
        found.push(...events);
        nextToken = events.length < (page.events ?? []).length ? undefined : page.nextToken;
      } while (nextToken !== undefined);
      return happeningsOf(found.reverse());
    },
    async mapRun(mapRunArn) {
      const { itemCounts } = await client.send(new DescribeMapRunCommand({ mapRunArn }));
      const { total = 0, succeeded = 0, failed = 0, aborted = 0, timedOut = 0 } = itemCounts ?? {};
      return { total, succeeded, failed: failed + aborted + timedOut };
    },
  };
}

async function machineNamed(name: string, client: SFNClient): Promise<string> {
  for await (const page of paginateListStateMachines({ client }, {})) {
    const found = page.stateMachines?.find((machine) => machine.name === name);
    if (found) return found.stateMachineArn!;
  }
  throw new BadRequest(`There is no state machine ${name} in this account and region; deploy it, or name its stage`);
}

/** States that are worth telling of: those that do something or wait. */
const KINDS = ['Task', 'Map', 'Wait'] as const;

function happeningsOf(events: readonly HistoryEvent[]): Happening[] {
  const told: Happening[] = [];
  let map = '';
  for (const {
    id,
    timestamp,
    type,
    stateEnteredEventDetails,
    stateExitedEventDetails,
    mapRunStartedEventDetails,
  } of events) {
    const kind = KINDS.find((each) => type?.startsWith(`${each}State`));
    const base = { id: id!, at: timestamp! };
    if (type === 'MapRunStarted') {
      told.push({ ...base, what: 'map', state: map, kind: 'Map', mapRunArn: mapRunStartedEventDetails!.mapRunArn! });
    } else if (kind !== undefined && stateEnteredEventDetails) {
      if (kind === 'Map') map = stateEnteredEventDetails.name!;
      told.push({ ...base, what: 'entered', state: stateEnteredEventDetails.name!, kind });
    } else if (kind !== undefined && stateExitedEventDetails) {
      told.push({ ...base, what: 'exited', state: stateExitedEventDetails.name!, kind });
    }
  }
  return told;
}
