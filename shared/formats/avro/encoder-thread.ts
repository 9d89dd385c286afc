/** A thread that encodes batches and writes them to Avro files: see threaded-writer.ts, whose other end it is. */
import { parentPort } from 'node:worker_threads';
import { type ErrorRecord, toErrorRecord } from '../../errors.ts';
import { unpackBatch } from './batch-memory.ts';
import type { EncoderAnswer, EncoderRequest } from './encoder-messages.ts';
import { AvroFileWriter } from './writer.ts';

interface Open {
  writer: AvroFileWriter;
  /** What was asked of it is done one after the other. */
  last: Promise<void>;
  error?: ErrorRecord;
}

const port = parentPort!;
const writers = new Map<number, Open>();
const answer = (message: EncoderAnswer) => port.postMessage(message);

port.on('message', (request: EncoderRequest) => {
  if (request.kind === 'open') {
    writers.set(request.writer, { writer: new AvroFileWriter(request.options), last: Promise.resolve() });
    return;
  }
  const open = writers.get(request.writer)!;
  open.last = open.last.then(() => serve(open, request));
});

async function serve(open: Open, request: Exclude<EncoderRequest, { kind: 'open' }>): Promise<void> {
  const { writer } = open;
  const id = request.writer;
  const failure = () => (open.error ? { error: open.error } : {});
  const attempt = async (work: () => unknown): Promise<void> => {
    if (open.error) return;
    try {
      await work();
    } catch (error) {
      open.error = toErrorRecord(error);
    }
  };
  switch (request.kind) {
    case 'batch':
      await attempt(() => writer.writeBatch(unpackBatch(request.memory)));
      answer({ kind: 'taken', writer: id, slot: request.slot, bytes: writer.bytes, ...failure() });
      return;
    case 'close':
      await attempt(() => writer.close());
      if (open.error) await writer.abort();
      break;
    case 'abort':
      await writer.abort();
  }
  writers.delete(id);
  answer({ kind: 'closed', writer: id, rows: writer.rows, bytes: writer.bytes, ...failure() });
}
