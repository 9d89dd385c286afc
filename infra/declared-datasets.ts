import { join } from 'node:path';
import type { Dataset } from '../shared/dataset/dataset.ts';
import { readDatasets } from '../shared/dataset/registry.ts';

/** What is deployed for data sets follows from their files: a wrong one fails the packaging. */

const FOLDER = join(import.meta.dirname, '..', 'datasets');

/** What serverless gives to a function of a file; here only for `param:…`. */
export interface Serverless {
  resolveVariable(variable: string): Promise<unknown>;
}

export async function declaredDatasets(): Promise<readonly Dataset[]> {
  return (await readDatasets(FOLDER)).all();
}

/** A name in the template, where only letters and digits may stand: distinct for distinct data sets. */
export function logicalName(dataset: Pick<Dataset, 'name'>): string {
  const name = dataset.name.replaceAll('-', 'Dash').replaceAll('_', 'Underscore');
  return name.charAt(0).toUpperCase() + name.slice(1);
}
