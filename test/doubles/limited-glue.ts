import {
  BatchCreatePartitionCommand,
  BatchDeletePartitionCommand,
  BatchUpdatePartitionCommand,
  CreateDatabaseCommand,
  CreateTableCommand,
  GetDatabaseCommand,
  GetPartitionsCommand,
  GetTableCommand,
  GlueClient,
  type Partition,
  type PartitionInput,
  type Table,
  UpdateTableCommand,
} from '@aws-sdk/client-glue';
import { mockClient } from 'aws-sdk-client-mock';

/** An error as Glue throws it. */
export function glueFault(name: string, status = 400): Error {
  return Object.assign(new Error(`${name} from the test`), { name, $metadata: { httpStatusCode: status } });
}

/**
 * Glue for one table, with the limits that Glue has and emulators do not check: batch sizes, pages (the second one always
 * empty), the table's version. `faults` are thrown by the next calls of that name; `entryFaults` come in a batch's `Errors`
 * for a partition, once each.
 */
export function limitedGlue(pageSize = 7) {
  const client = new GlueClient({ region: 'eu-central-1', maxAttempts: 1 });
  const mock = mockClient(client);
  const calls: { name: string; input: Record<string, unknown> }[] = [];
  const faults = new Map<string, Error[]>();
  const entryFaults = new Map<string, string>();
  const partitions = new Map<string, Partition>();
  const held: { database: boolean; table: Table | undefined; stale: Partition[][] } = {
    database: false,
    table: undefined,
    stale: [],
  };
  const watcher = { afterCall: () => {} };
  const key = (values: string[] | undefined) => JSON.stringify(values);

  const answer = <Input extends object, Output>(name: string, reply: (input: Input) => Output) => {
    return async (input: Input): Promise<Output> => {
      calls.push({ name, input: input as Record<string, unknown> });
      const fault = faults.get(name)?.shift();
      if (fault !== undefined) throw fault;
      const output = reply(input);
      watcher.afterCall();
      return output;
    };
  };
  const atMost = (limit: number, list: unknown[] | undefined) => {
    if ((list ?? []).length > limit) throw glueFault('InvalidInputException');
  };
  const entryFault = (operation: string, values: string[] | undefined) => {
    const code = entryFaults.get(`${operation} ${key(values)}`);
    entryFaults.delete(`${operation} ${key(values)}`);
    return code;
  };

  mock.on(GetDatabaseCommand).callsFake(
    answer('GetDatabase', () => {
      if (!held.database) throw glueFault('EntityNotFoundException');
      return {};
    }),
  );
  mock.on(CreateDatabaseCommand).callsFake(
    answer('CreateDatabase', () => {
      held.database = true;
      return {};
    }),
  );
  mock.on(GetTableCommand).callsFake(
    answer('GetTable', () => {
      if (held.table === undefined) throw glueFault('EntityNotFoundException');
      return { Table: held.table };
    }),
  );
  mock.on(CreateTableCommand).callsFake(
    answer('CreateTable', (input: { DatabaseName: string; TableInput: Table }) => {
      if (held.table !== undefined) throw glueFault('AlreadyExistsException');
      held.table = { ...input.TableInput, DatabaseName: input.DatabaseName, VersionId: '0' };
      return {};
    }),
  );
  mock.on(UpdateTableCommand).callsFake(
    answer('UpdateTable', (input: { VersionId?: string; TableInput: Table }) => {
      if (input.VersionId !== held.table?.VersionId) throw glueFault('ConcurrentModificationException');
      const { DatabaseName, VersionId } = held.table as Table;
      held.table = { ...input.TableInput, DatabaseName, VersionId: String(Number(VersionId) + 1) };
      return {};
    }),
  );
  mock.on(GetPartitionsCommand).callsFake(
    answer('GetPartitions', (input: { NextToken?: string }) => {
      const all =
        held.stale.length > 0 && !input.NextToken ? (held.stale.shift() as Partition[]) : [...partitions.values()];
      const page = Number(input.NextToken ?? 0);
      // Page 1 is empty on purpose, with a token: the list goes on behind it.
      const start = page === 0 ? 0 : (page - 1) * pageSize;
      const end = start + pageSize;
      if (page === 1) return { Partitions: [], NextToken: '2' };
      return { Partitions: all.slice(start, end), ...(end < all.length ? { NextToken: String(page + 1) } : {}) };
    }),
  );
  mock.on(BatchCreatePartitionCommand).callsFake(
    answer('BatchCreatePartition', (input: { PartitionInputList?: PartitionInput[] }) => {
      atMost(100, input.PartitionInputList);
      const Errors = [];
      for (const one of input.PartitionInputList ?? []) {
        const code =
          entryFault('create', one.Values) ?? (partitions.has(key(one.Values)) ? 'AlreadyExistsException' : undefined);
        if (code === undefined) partitions.set(key(one.Values), { ...one });
        else Errors.push({ PartitionValues: one.Values, ErrorDetail: { ErrorCode: code, ErrorMessage: 'no' } });
      }
      return Errors.length > 0 ? { Errors } : {};
    }),
  );
  mock.on(BatchUpdatePartitionCommand).callsFake(
    answer(
      'BatchUpdatePartition',
      (input: { Entries?: { PartitionValueList: string[]; PartitionInput: PartitionInput }[] }) => {
        atMost(100, input.Entries);
        const Errors = [];
        for (const one of input.Entries ?? []) {
          const known = partitions.has(key(one.PartitionValueList));
          const code = entryFault('update', one.PartitionValueList) ?? (known ? undefined : 'EntityNotFoundException');
          if (code === undefined) partitions.set(key(one.PartitionValueList), { ...one.PartitionInput });
          else {
            const ErrorDetail = { ErrorCode: code, ErrorMessage: 'no' };
            Errors.push({ PartitionValueList: one.PartitionValueList, ErrorDetail });
          }
        }
        return Errors.length > 0 ? { Errors } : {};
      },
    ),
  );
  mock.on(BatchDeletePartitionCommand).callsFake(
    answer('BatchDeletePartition', (input: { PartitionsToDelete?: { Values: string[] }[] }) => {
      atMost(25, input.PartitionsToDelete);
      const Errors = [];
      for (const one of input.PartitionsToDelete ?? []) {
        const known = partitions.has(key(one.Values));
        const code = entryFault('delete', one.Values) ?? (known ? undefined : 'EntityNotFoundException');
        if (code === undefined) partitions.delete(key(one.Values));
        else Errors.push({ PartitionValues: one.Values, ErrorDetail: { ErrorCode: code, ErrorMessage: 'no' } });
      }
      return Errors.length > 0 ? { Errors } : {};
    }),
  );

  return {
    client,
    calls,
    held,
    partitions,
    entryFaults,
    /** Its `afterCall` runs after every call that succeeds: a reader who polls. */
    watcher,
    /** The next calls of this name throw these, one each. */
    fail: (name: string, ...errors: Error[]) => faults.set(name, errors),
    named: (name: string) => calls.filter((call) => call.name === name).map((call) => call.input),
  };
}
