import nodeModule from 'node:module';

/**
 * What aws-local-stepfunctions loads for itself and never calls here, where every Task has a handler and definitions are checked by
 * support.ts: a sixth of the CPU of a small load from the command line.
 */
const UNUSED = new Set(['@aws-sdk/client-lambda', '@aws-sdk/credential-providers', 'asl-validator']);

const instead = new URL('./interpreter-unused.ts', import.meta.url).href;

/** Older versions of Node have no such hooks, and load it all. */
const hooks = nodeModule.registerHooks?.({
  resolve: (specifier, context, next) =>
    UNUSED.has(specifier) && context.parentURL?.includes('/node_modules/aws-local-stepfunctions/')
      ? { url: instead, shortCircuit: true }
      : next(specifier, context),
});

const { StateMachine } = await import('aws-local-stepfunctions');

hooks?.deregister();

export { StateMachine };
