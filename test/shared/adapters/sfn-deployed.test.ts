import {
  DescribeExecutionCommand,
  DescribeMapRunCommand,
  ExecutionDoesNotExist,
  GetExecutionHistoryCommand,
  type HistoryEventType,
  ListStateMachinesCommand,
  SFNClient,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { mockClient } from 'aws-sdk-client-mock';
import { sfnDeployed } from '../../../shared/adapters/sfn-deployed.ts';
import { BadRequest } from '../../../shared/errors.ts';

const client = new SFNClient({ region: 'eu-west-1' });
const sfn = mockClient(client);
const timestamp = new Date('2026-01-02T03:04:05Z');
const entered = (id: number, type: HistoryEventType, name: string) => ({
  id,
  type,
  timestamp,
  stateEnteredEventDetails: { name },
});

const machine = (name: string) => ({
  ...{ name, stateMachineArn: `arn:${name}`, type: 'STANDARD' as const, creationDate: timestamp },
});

beforeEach(() => {
  sfn.reset();
  sfn.on(ListStateMachinesCommand).resolvesOnce({ stateMachines: [machine('other')], nextToken: 'more' });
  sfn.on(ListStateMachinesCommand, { nextToken: 'more' }).resolves({
    stateMachines: [machine('sluice-dev-load')],
  });
});

describe('the deployed machine', () => {
  it('is found by its name, on any page, or is said not to be there', async () => {
    sfn.on(StartExecutionCommand).resolves({ executionArn: 'arn:execution' });
    const machine = await sfnDeployed('sluice-dev-load', client);
    expect(await machine.start({ dataset: 'd' })).toBe('arn:execution');
    sfn.on(ListStateMachinesCommand).resolves({ stateMachines: [] });
    await expect(sfnDeployed('sluice-prod-load', client)).rejects.toThrow(BadRequest);
  });

  it('tells what happened behind an event, in order, and reads no more of the history than that', async () => {
    const machine = await sfnDeployed('sluice-dev-load', client);
    sfn.on(GetExecutionHistoryCommand).resolves({
      nextToken: 'older',
      events: [
        { id: 6, type: 'MapRunStarted', timestamp, mapRunStartedEventDetails: { mapRunArn: 'arn:map' } },
        entered(5, 'MapStateEntered', 'ReadEach'),
        entered(4, 'ChoiceStateEntered', 'AnythingToLoad'),
        entered(3, 'TaskStateEntered', 'ListLatest'),
      ],
    });
    const told = await machine.happenings('arn:execution', 3);
    expect(told.map(({ id, what, state }) => [id, what, state])).toEqual([
      [5, 'entered', 'ReadEach'],
      [6, 'map', 'ReadEach'],
    ]);
    expect(sfn.commandCalls(GetExecutionHistoryCommand)).toHaveLength(1);
  });

  it('counts the items of a Map, and those that did not end well together', async () => {
    sfn.on(DescribeMapRunCommand).resolves({
      itemCounts: {
        total: 9,
        succeeded: 4,
        failed: 1,
        aborted: 1,
        timedOut: 1,
        pending: 0,
        running: 2,
        resultsWritten: 0,
      },
    });
    const machine = await sfnDeployed('sluice-dev-load', client);
    expect(await machine.mapRun('arn:map')).toEqual({ total: 9, succeeded: 4, failed: 3 });
  });

  it('says an execution is none that is none', async () => {
    sfn.on(DescribeExecutionCommand).rejects(new ExecutionDoesNotExist({ message: 'no', $metadata: {} }));
    const machine = await sfnDeployed('sluice-dev-load', client);
    await expect(machine.status('arn:none')).rejects.toThrow('There is no execution arn:none');
  });
});
