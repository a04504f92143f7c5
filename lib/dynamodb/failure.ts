import { ConditionalCheckFailedException, TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import type { CancellationReason } from '@aws-sdk/client-dynamodb';

import { MisconfiguredError, StoreUnavailableError } from '../runtime/errors.ts';
import { requestedTables } from './client.ts';
import { reportMisconfigured } from './report-misconfigured.ts';

/** What an error means for the request that failed. */
export type Failure =
  /** DynamoDB cancelled the transaction and wrote nothing. */
  | { readonly is: 'cancelled'; readonly reasons: readonly CancellationReason[] }
  /** Nothing was written, because the request is invalid. Sending it again does not help. */
  | { readonly is: 'refused' }
  /** Nothing was written, because a table, a permission or the credentials are wrong. */
  | { readonly is: 'misconfigured'; readonly error: MisconfiguredError }
  /** DynamoDB throttles, or a request with the same token is in progress. */
  | { readonly is: 'busy' }
  /** Nothing was written, because another transaction has used the token of the request. */
  | { readonly is: 'tokenUsed' }
  /** There is no reply, or the reply does not say whether the request was carried out. */
  | { readonly is: 'lost' };

// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html and
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/CommonErrors.html

const REFUSED = new Set([
  'ValidationException',
  'ValidationError',
  'SerializationException',
  'RequestEntityTooLargeException',
  'ItemCollectionSizeLimitExceededException',
]);

const BUSY = new Set([
  'LimitExceededException',
  'ProvisionedThroughputExceededException',
  'ReplicatedWriteConflictException',
  'RequestLimitExceeded',
  'ThrottlingException',
  'ThrottlingError',
  'TransactionInProgressException',
  'TransactionConflictException',
]);

const DENIED = new Set(['AccessDeniedException', 'AccessDenied', 'NotAuthorized']);

const CREDENTIALS_REFUSED = new Set([
  'CredentialsProviderError',
  'ExpiredToken',
  'ExpiredTokenException',
  'IncompleteSignature',
  'IncompleteSignatureException',
  'InvalidClientTokenId',
  'InvalidSignatureException',
  'MissingAuthenticationToken',
  'MissingAuthenticationTokenException',
  'OptInRequired',
  'RequestExpired',
  'UnrecognizedClientException',
]);

/** At most this many characters of DynamoDB's text become part of an error message. */
const MAX_TEXT_LENGTH = 300;

const textOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).slice(0, MAX_TEXT_LENGTH);

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : '');

const listOf = (tables: readonly string[]): string =>
  tables.length === 0 ? 'a table' : `${tables.length === 1 ? 'the table' : 'one of the tables'} ${tables.join(', ')}`;

/** Classifies an error that the client threw. */
export function readFailure(error: unknown): Failure {
  if (error instanceof TransactionCanceledException) {
    return error.CancellationReasons ? { is: 'cancelled', reasons: error.CancellationReasons } : { is: 'lost' };
  }
  const name = nameOf(error);
  if (BUSY.has(name)) return { is: 'busy' };
  if (REFUSED.has(name)) return { is: 'refused' };
  if (name === 'IdempotentParameterMismatchException') return { is: 'tokenUsed' };
  if (name === 'ResourceNotFoundException') {
    const named = /Table: (\S+) not found/.exec(textOf(error))?.[1];
    const tables = named === undefined ? requestedTables(error) : [named.replace(/^.*:table\//, '')];
    return { is: 'misconfigured', error: tableMissing(tables, error) };
  }
  if (DENIED.has(name)) return { is: 'misconfigured', error: accessDenied(error) };
  const { httpStatusCode: status, clockSkewCorrected = false } = metadataOf(error);
  // The clock was wrong, so the signature was invalid. The SDK has corrected its clock.
  if (clockSkewCorrected) return { is: 'busy' };
  // The SDK reports each error that it has no class for as the client's fault, even a 503, so only the status is reliable.
  const isRefused = status !== undefined && status >= 400 && status < 500 && status !== 408 && status !== 429;
  if (CREDENTIALS_REFUSED.has(name) || isRefused) {
    const message = `DynamoDB refused a request with ${name}: ${textOf(error)}`;
    return { is: 'misconfigured', error: new MisconfiguredError('STORE_MISCONFIGURED', message, { cause: error }) };
  }
  return { is: status === 429 ? 'busy' : 'lost' };
}

/** The error for a list of tables of which at least one does not exist. */
export const tableMissing = (tables: readonly string[], cause?: unknown): MisconfiguredError =>
  new MisconfiguredError('TABLE_MISSING', `${listOf(tables)} does not exist`, { tables, cause });

/** Takes action, table and reason from DynamoDB's text: `… is not authorized to perform: dynamodb:X on resource: arn:…:table/y because …`. */
function accessDenied(cause: unknown): MisconfiguredError {
  const denied = /perform: (\S+) on resource: (\S+)/.exec(textOf(cause));
  const table = denied?.[2] === undefined ? undefined : /table\/([^/\s]+)/.exec(denied[2])?.[1];
  const tables = table === undefined ? requestedTables(cause) : [table];
  const action = denied?.[1] ?? 'a request';
  const reason = /(?:because|with an explicit deny).*/.exec(textOf(cause))?.[0];
  const message = `the function's role does not allow ${action} on ${listOf(tables)}${reason === undefined ? '' : `: ${reason}`}`;
  return new MisconfiguredError('ACCESS_DENIED', message, { tables, cause });
}

/** The error for a request that DynamoDB refuses although nothing in the request depends on a message. */
export const requestRefused = (tables: readonly string[], cause: unknown): MisconfiguredError =>
  new MisconfiguredError(
    'STORE_MISCONFIGURED',
    `DynamoDB refused a request on ${listOf(tables)}; check its primary key: ${textOf(cause)}`,
    { tables, cause },
  );

/**
 * Converts the error of a request that does not depend on a message: either DynamoDB is unavailable, or the deployment is wrong.
 * Returns the error of a failed condition unchanged.
 */
export function toStoreError(error: unknown): Error {
  if (error instanceof ConditionalCheckFailedException) return error;
  const failure = readFailure(error);
  if (failure.is === 'misconfigured') return reportMisconfigured(failure.error);
  if (failure.is === 'refused') return reportMisconfigured(requestRefused(requestedTables(error), error));
  return new StoreUnavailableError({ cause: error });
}

interface Metadata {
  readonly httpStatusCode?: number;
  readonly clockSkewCorrected?: boolean;
}

/** The metadata that the SDK attaches to an error. */
const metadataOf = (error: unknown): Metadata => (error as { $metadata?: Metadata } | undefined)?.$metadata ?? {};
