const { basename, extname } = require('node:path');

/** The steps that write Avro. Others that bring the engine along only read. */
const WRITERS = ['convert', 'repartition', 'cluster/choose'].map((step) => `functions/${step}/handler.ts`);

/**
 * A plugin of esbuild's. A thread runs a file of its own, so where Avro is written the encoder's lies beside the handler.
 * It is named after the handler: what is named so, serverless-esbuild leaves out of the packages of other functions.
 */
const avroEncoder = {
  name: 'avro-encoder',
  setup({ initialOptions }) {
    const [handler] = initialOptions.entryPoints;
    if (!WRITERS.includes(handler)) return;
    const out = basename(handler, extname(handler));
    initialOptions.entryPoints = [
      { in: handler, out },
      { in: 'shared/formats/avro/encoder-thread.ts', out: `${out}.avro-encoder` },
    ];
  },
};

module.exports = [avroEncoder];
