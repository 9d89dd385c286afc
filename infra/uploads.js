// Serverless loads no .ts by that name; Node does.
export * from './uploads.ts';
