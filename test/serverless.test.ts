import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { functionNames, loadDefinition } from '../local/machine.ts';

const ROOT = resolve(import.meta.dirname, '..');

interface Service {
  functions: Record<string, { handler: string; iamRoleStatements?: unknown[]; package?: { patterns: string[] } }>;
  stepFunctions: { validate: boolean; stateMachines: { load: { definition: string; type: string } } };
}

// Tags of CloudFormation say nothing to these tests.
const service = parse(readFileSync(join(ROOT, 'serverless.yml'), 'utf8'), { logLevel: 'error' }) as Service;
const definition = await loadDefinition(join(ROOT, 'statemachines', 'load.asl.yml'));

/** The branch's own room. */
const CLUSTER_STEPS = ['prepareFeatures', 'fit', 'chooseClusters'];

/** As CloudFormation knows a function: `listLatest` → `ListLatestLambdaFunction`. */
const logicalId = (key: string) => `${key.charAt(0).toUpperCase()}${key.slice(1)}LambdaFunction`;

describe('serverless.yml', () => {
  it('has exactly the functions that the state machine calls', () => {
    expect(Object.keys(service.functions).map(logicalId).sort()).toEqual(functionNames(definition).sort());
  });

  it('deploys the state machine that runs here, and has it validated', () => {
    expect(service.stepFunctions.validate).toBe(true);
    expect(service.stepFunctions.stateMachines.load).toMatchObject({
      definition: `\${file(statemachines/load.asl.yml)}`,
      type: 'STANDARD',
    });
  });

  it.each(Object.entries(service.functions))('gives %s a handler of its own and a role of what it does', (key, fn) => {
    const folder = key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    const of = CLUSTER_STEPS.includes(key) ? `cluster/${folder.split('-')[0]}` : folder;
    expect(fn.handler).toBe(`functions/${of}/handler.handler`);
    const code = readFileSync(join(ROOT, fn.handler.replace(/\.handler$/, '.ts')), 'utf8');
    expect(code).toMatch(/^export const handler = lambdaStep\(/m);
    expect(fn.iamRoleStatements?.length).toBeGreaterThan(0);
    // The native library goes with those that import it, and with no others.
    const brings = fn.package?.patterns.some((pattern) => pattern.includes('@duckdb')) ?? false;
    expect(brings).toBe(code.includes('lambdaEngine'));
  });
});
