import { AccessDenied, BadInput, CatalogConflict, SluiceError } from '../errors.ts';

/** Glue's codes for what another attempt may settle. The same codes come as exceptions and in a batch's `Errors`. */
const CONFLICTS: ReadonlySet<string> = new Set([
  'AlreadyExistsException',
  'ConcurrentModificationException',
  'ConditionCheckFailureException',
  'EntityNotFoundException',
  'InternalServiceException',
  'InternalFailure',
  'InternalServerError',
  'OperationTimeoutException',
  'RequestTimeout',
  'RequestTimeoutException',
  'ResourceNotReadyException',
  'ServiceUnavailable',
  'ServiceUnavailableException',
  'SlowDown',
  'ThrottledException',
  'Throttling',
  'ThrottlingException',
  'TimeoutError',
  'TooManyRequestsException',
  'RequestLimitExceeded',
  'VersionMismatchException',
]);

const DENIALS: ReadonlySet<string> = new Set([
  'AccessDenied',
  'AccessDeniedException',
  'CredentialsProviderError',
  'ExpiredToken',
  'ExpiredTokenException',
  'GlueEncryptionException',
  'IncompleteSignature',
  'InvalidClientTokenId',
  'InvalidSignatureException',
  'MissingAuthenticationTokenException',
  'OperationNotSupportedException',
  'PermissionTypeMismatchException',
  'UnrecognizedClientException',
]);

const REFUSALS: ReadonlySet<string> = new Set([
  'InvalidInputException',
  'ResourceNumberLimitExceededException',
  'SerializationException',
  'ValidationException',
]);

/** Codes of Node's own network errors: no answer came, so another attempt may get one. */
const NETWORK = /^(?:ECONN|ENET|EHOST|EAI_AGAIN$|ENOTFOUND$|EPIPE$|ETIMEDOUT$|UND_ERR)/;

/** The error by its code, as the port names it; undefined for a code that is none of Glue's known ones. */
export function glueError(code: string, message: string, table: string, cause?: unknown): SluiceError | undefined {
  const text = `Glue answers ${code} for ${table}: ${message}`;
  const options = { where: table, ...(cause === undefined ? {} : { cause }) };
  if (CONFLICTS.has(code)) return new CatalogConflict(text, options);
  if (DENIALS.has(code)) return new AccessDenied(text, options);
  if (REFUSALS.has(code)) return new BadInput(text, options);
  return undefined;
}

/** What a Glue call threw, under the port's names; what is none of the service's own failures comes back as it is. */
export function fromGlue(error: unknown, table: string): unknown {
  if (error instanceof SluiceError || !(error instanceof Error)) return error;
  const known = glueError(error.name, error.message, table, error);
  if (known !== undefined) return known;
  const { $metadata, code } = error as Error & { $metadata?: { httpStatusCode?: number }; code?: unknown };
  const status = $metadata?.httpStatusCode;
  const network = typeof code === 'string' && NETWORK.test(code);
  if (network || status === 429 || (status !== undefined && status >= 500)) {
    const what = status ?? code ?? error.name;
    return new CatalogConflict(`Glue failed for ${table} (${what}): ${error.message}`, { where: table, cause: error });
  }
  return error;
}

/** Whether a call failed because there is no such database, table or partition. */
export function isNotFound(error: unknown): boolean {
  return error instanceof Error && error.name === 'EntityNotFoundException';
}
