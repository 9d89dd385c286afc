import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { AccessDenied } from '../errors.ts';
import {
  ROLE_SESSION_SECONDS,
  STORE_CALL_ATTEMPTS,
  STORE_CONNECT_TIMEOUT_MS,
  STORE_IDLE_TIMEOUT_MS,
  STORE_SOCKETS,
} from '../limits.ts';
import type { SourceAccess } from '../ports/object-store.ts';

export interface S3ClientOptions {
  /** By default the bucket's owner's say (`access.region`), then the environment's. */
  region?: string;
  /** Of another store that speaks S3; its buckets are then part of the path. By default `AWS_ENDPOINT_URL_S3`, if set. */
  endpoint?: string;
  /** How the bucket is reached, when not by the process's own credentials. */
  access?: SourceAccess;
  /** Sends over the edge location next to the caller (the bucket must have it on). */
  accelerate?: boolean;
  /** Of the SDK at one call; the default is in shared/limits.ts. */
  attempts?: number;
}

/** A client of the kind that every store shares: one pool of connections, bounded patience, checksums that suit ranges. */
export function makeS3Client(options: S3ClientOptions): S3Client {
  const { access = {} } = options;
  const endpoint = options.endpoint ?? process.env['AWS_ENDPOINT_URL_S3'] ?? process.env['AWS_ENDPOINT_URL'];
  const region = access.region ?? options.region ?? (access.unsigned ? 'us-east-1' : undefined);
  const client = new S3Client({
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
    ...(options.accelerate ? { useAccelerateEndpoint: true } : {}),
    ...credentials(access, region),
    requestHandler: sharedHandler(),
    maxAttempts: options.attempts ?? STORE_CALL_ATTEMPTS,
    followRegionRedirects: true,
    // A part of an object has no checksum of its own, so it is asked for only where the whole is read (s3-reads.ts).
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
  // It makes every small put wait for one more answer; a part that is refused is sent again from memory instead.
  client.middlewareStack.remove('addExpectContinueMiddleware');
  return client;
}

/** One pool for the process: a warm Lambda and all its sources keep their connections. */
function sharedHandler(): NodeHttpHandler {
  const pool = { keepAlive: true, maxSockets: STORE_SOCKETS };
  handler ??= new NodeHttpHandler({
    httpAgent: new HttpAgent(pool),
    httpsAgent: new HttpsAgent(pool),
    connectionTimeout: STORE_CONNECT_TIMEOUT_MS,
    requestTimeout: STORE_IDLE_TIMEOUT_MS,
  });
  return handler;
}

let handler: NodeHttpHandler | undefined;

function credentials(access: SourceAccess, region: string | undefined): S3ClientConfig {
  if (access.unsigned) {
    return {
      signer: { sign: async (request) => request },
      credentials: { accessKeyId: 'unsigned', secretAccessKey: 'unsigned' },
    };
  }
  return access.roleArn === undefined ? {} : { credentials: () => assumeRole(access.roleArn!, region) };
}

/** The client asks again shortly before what it got runs out. */
async function assumeRole(roleArn: string, region: string | undefined) {
  const sts = new STSClient({
    ...(region === undefined ? {} : { region }),
    requestHandler: sharedHandler(),
    maxAttempts: STORE_CALL_ATTEMPTS,
  });
  const { Credentials: given } = await sts.send(
    new AssumeRoleCommand({ RoleArn: roleArn, RoleSessionName: 'sluice', DurationSeconds: ROLE_SESSION_SECONDS }),
  );
  if (!given?.AccessKeyId || !given.SecretAccessKey) throw new AccessDenied(`Cannot assume ${roleArn}: no credentials`);
  return {
    accessKeyId: given.AccessKeyId,
    secretAccessKey: given.SecretAccessKey,
    ...(given.SessionToken ? { sessionToken: given.SessionToken } : {}),
    ...(given.Expiration ? { expiration: given.Expiration } : {}),
  };
}
