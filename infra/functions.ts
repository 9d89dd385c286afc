/** What serverless gives to a function of a file; here for its configuration. */
export interface ServiceConfiguration {
  resolveConfigurationProperty(path: string[]): Promise<unknown>;
}

/** The functions of serverless.yml, by their keys there and by their names in the template. */
export async function functionKeys(serverless: ServiceConfiguration): Promise<string[]> {
  return Object.keys((await serverless.resolveConfigurationProperty(['functions'])) as object);
}

/** `listLatest` is `ListLatestLambdaFunction`. */
export function functionId(key: string): string {
  return `${capitalised(key)}LambdaFunction`;
}

export function capitalised(key: string): string {
  return key.charAt(0).toUpperCase() + key.slice(1);
}
