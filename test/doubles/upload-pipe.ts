/** What stands between an upload and an execution on AWS: the queue, and the pipe that batches what it holds. */

export interface UploadEvent {
  bucket: string;
  key: string;
  etag: string;
  sizeBytes: number;
  /** Seconds after the first. */
  atSeconds: number;
}

export interface PipeOptions {
  /** `TargetParameters.InputTemplate` of the pipe. */
  template: string;
  batchSize: number;
  windowSeconds: number;
  /** Pollers at once, each with a batch of its own: under load a pipe has several. */
  pollers: number;
  /** In [0, 1): which poller gets a message, and whether it comes again. */
  random: () => number;
  /** Share of the messages that SQS delivers twice. */
  duplicates: number;
}

/** The inputs of the executions that the pipe starts, in order. A batch goes when it is full or its window has passed. */
export function inputsOfPipe(events: readonly UploadEvent[], options: PipeOptions): unknown[] {
  const { template, batchSize, windowSeconds, pollers, random, duplicates } = options;
  const inputs: unknown[] = [];
  const open: { since: number; items: string[] }[] = Array.from({ length: pollers }, () => ({ since: 0, items: [] }));
  const flush = (batch: (typeof open)[number]) => {
    if (batch.items.length > 0) inputs.push(JSON.parse(`[${batch.items.join(',')}]`));
    batch.items = [];
  };
  for (const event of events) {
    for (const batch of open) if (event.atSeconds - batch.since >= windowSeconds) flush(batch);
    for (let times = random() < duplicates ? 2 : 1; times > 0; times--) {
      const batch = open[Math.floor(random() * pollers)]!;
      if (batch.items.length === 0) batch.since = event.atSeconds;
      batch.items.push(filled(template, { body: objectCreated(event) }));
      if (batch.items.length === batchSize) flush(batch);
    }
  }
  open.forEach(flush);
  return inputs;
}

/** EventBridge's event of a new object. */
export function objectCreated({ bucket, key, etag, sizeBytes }: UploadEvent): object {
  return {
    version: '0',
    'detail-type': 'Object Created',
    source: 'aws.s3',
    time: '2024-01-05T00:00:00Z',
    detail: {
      bucket: { name: bucket },
      object: { key, size: sizeBytes, etag, sequencer: '617f08299329d189' },
      reason: 'PutObject',
    },
  };
}

/** An input template, as a pipe fills it in: each path becomes the JSON of what it finds, of nothing an empty text. */
export function filled(template: string, message: unknown): string {
  return template.replace(/<\$\.([^>]+)>/g, (_, path: string) => {
    const found = path
      .split('.')
      .reduce<unknown>((value, name) => (value as Record<string, unknown> | undefined)?.[name], message);
    return JSON.stringify(found ?? '');
  });
}
