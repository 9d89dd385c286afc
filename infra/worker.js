// Serverless loads no .ts by that name; Node does.
export * from './worker.ts';
