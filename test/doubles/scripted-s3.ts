import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface S3Request {
  method: string;
  /** Decoded, from the bucket on: `/bucket/key`. */
  path: string;
  query: URLSearchParams;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

export interface S3Answer {
  status?: number;
  headers?: Record<string, string>;
  body?: string | Buffer;
  /** Breaks the connection off after so many bytes of the body; 0: instead of any answer. */
  breakAfter?: number;
}

export interface ScriptedS3 {
  url: string;
  requests: S3Request[];
  /** Connections that were opened. */
  connections(): number;
  close(): Promise<void>;
}

/** An S3 that answers as a test says, also wrongly: for the failures that no well-meaning double shows. */
export async function scriptedS3(answer: (request: S3Request, index: number) => S3Answer): Promise<ScriptedS3> {
  const requests: S3Request[] = [];
  let connections = 0;
  const server = createServer(async (incoming, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const { pathname, searchParams } = new URL(incoming.url ?? '/', 'http://localhost');
    const request: S3Request = {
      method: incoming.method ?? '',
      path: decodeURIComponent(pathname),
      query: searchParams,
      headers: incoming.headers,
      body: Buffer.concat(chunks),
    };
    send(response, request.method, answer(request, requests.push(request) - 1));
  });
  server.on('connection', () => {
    connections++;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    connections: () => connections,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function send(
  response: ServerResponse,
  method: string,
  { status = 200, headers = {}, body = '', breakAfter }: S3Answer,
) {
  if (breakAfter === 0) {
    response.socket?.destroy();
    return;
  }
  const bytes = Buffer.from(body as string);
  response.writeHead(status, { 'content-length': String(bytes.length), ...headers });
  if (method === 'HEAD') response.end();
  else if (breakAfter === undefined) response.end(bytes);
  else response.write(bytes.subarray(0, breakAfter), () => response.socket?.destroy());
}

export function s3Error(status: number, code: string, message = 'as the test wants it'): S3Answer {
  return { status, body: `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${message}</Message></Error>` };
}

/** Answers a GET for an object of these bytes, with or without a range, if it is pinned to nothing else. */
export function answerGet({ headers }: S3Request, bytes: Buffer, etag = 'e1'): S3Answer {
  const wanted = headers['if-match'];
  if (wanted !== undefined && wanted !== `"${etag}"`) return s3Error(412, 'PreconditionFailed');
  const range = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '');
  if (!range) return { headers: { etag: `"${etag}"` }, body: bytes };
  const start = Number(range[1]);
  const end = Math.min(Number(range[2]) + 1, bytes.length);
  if (start >= bytes.length) return s3Error(416, 'InvalidRange');
  return {
    status: 206,
    headers: { etag: `"${etag}"`, 'content-range': `bytes ${start}-${end - 1}/${bytes.length}` },
    body: bytes.subarray(start, end),
  };
}

/** To the beginning of an upload in parts. */
export const UPLOAD_BEGUN: S3Answer = {
  body: '<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>',
};
export const PART_SENT: S3Answer = { headers: { etag: '"p"' } };
