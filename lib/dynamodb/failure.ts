import { ConditionalCheckFailedException, TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import type { CancellationReason } from '@aws-sdk/client-dynamodb';

import { describeError, MisconfiguredError, StoreUnavailableError } from '../runtime/errors.ts';
import { shortText } from '../runtime/short-text.ts';
import { requestedTables } from './client.ts';
import { reportMisconfigured } from './report-misconfigured.ts';

/** Why a DynamoDB request failed, and whether it may nevertheless have changed something. */
export type Failure =
  /** DynamoDB cancelled the transaction and wrote nothing. */
  | { readonly is: 'cancelled'; readonly reasons: readonly CancellationReason[] }
  /** DynamoDB wrote nothing, because the request is invalid. Repeating the request cannot succeed. */
  | { readonly is: 'refused' }
  /** DynamoDB wrote nothing, because a table or a permission is missing, or the credentials are invalid. */
  | { readonly is: 'misconfigured'; readonly error: MisconfiguredError }
  /** DynamoDB throttles the request, or another request with the same idempotency token is in progress. */
  | { readonly is: 'busy' }
  /** DynamoDB did not reply, or the reply does not say whether the request was carried out. */
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

/** The maximum length, in characters, of the text from DynamoDB that an error message of Surehop quotes. */
const MAX_TEXT_LENGTH = 300;

const textOf = (error: unknown): string => shortText(describeError(error).message, MAX_TEXT_LENGTH);

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : '');

const listOf = (tables: readonly string[]): string =>
  tables.length === 0 ? 'a table' : `${tables.length === 1 ? 'the table' : 'one of the tables'} ${tables.join(', ')}`;

export function readFailure(error: unknown): Failure {
  if (error instanceof TransactionCanceledException) {
    return error.CancellationReasons ? { is: 'cancelled', reasons: error.CancellationReasons } : { is: 'lost' };
  }
  const name = nameOf(error);
  if (BUSY.has(name)) return { is: 'busy' };
  if (REFUSED.has(name)) return { is: 'refused' };
  // DynamoDB has received another transaction with the same token, and does not say what became of it.
  if (name === 'IdempotentParameterMismatchException') return { is: 'lost' };
  if (name === 'ResourceNotFoundException') {
    const named = /Table: (\S+) not found/.exec(textOf(error))?.[1];
    const tables = named === undefined ? requestedTables(error) : [named.replace(/^.*:table\//, '')];
    return { is: 'misconfigured', error: tableMissing(tables, error) };
  }
  if (DENIED.has(name)) return { is: 'misconfigured', error: accessDenied(error) };
  const { httpStatusCode: status, clockSkewCorrected = false } = metadataOf(error);
  // The local clock was wrong, so AWS rejected the signature. The SDK has now corrected its clock, so a retry can succeed.
  if (clockSkewCorrected) return { is: 'busy' };
  // For an error without a class of its own, the SDK always blames the client, even for status 503. Only the status is
  // reliable.
  const isRefused = status !== undefined && status >= 400 && status < 500 && status !== 408 && status !== 429;
  if (CREDENTIALS_REFUSED.has(name) || isRefused) {
    const message = `DynamoDB refused a request with ${name}: ${textOf(error)}`;
    return { is: 'misconfigured', error: new MisconfiguredError('STORE_MISCONFIGURED', message, { cause: error }) };
  }
  return { is: status === 429 ? 'busy' : 'lost' };
}

export const tableMissing = (tables: readonly string[], cause?: unknown): MisconfiguredError =>
  new MisconfiguredError('TABLE_MISSING', `${listOf(tables)} does not exist`, { tables, cause });

type Meaning = 'none' | 'condition-failed' | 'conflict' | 'invalid' | 'misconfigured' | 'throttled';

/**
 * Returns what the code of a cancellation reason means for the write
 * (https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html).
 */
export function meaningOf({ Code }: CancellationReason): Meaning {
  switch (Code) {
    case undefined:
    case 'None':
      return 'none';
    case 'ConditionalCheckFailed':
      return 'condition-failed';
    case 'TransactionConflict':
      return 'conflict';
    case 'ValidationError':
    case 'ItemCollectionSizeLimitExceeded':
      return 'invalid';
    case 'ResourceNotFound':
    case 'AccessDenied':
      return 'misconfigured';
    default:
      // An unknown code is treated like a throttling code, because a later attempt can succeed after both.
      return 'throttled';
  }
}

/** Creates the error for a transaction that DynamoDB cancelled because a table or a permission is missing. */
export function tableError({ Code, Message }: CancellationReason, table: string): MisconfiguredError {
  if (Code === 'ResourceNotFound') return tableMissing([table]);
  const message = `the function's role does not allow a write on the table ${table}: ${Message ?? Code}`;
  return new MisconfiguredError('ACCESS_DENIED', message, { tables: [table] });
}

/**
 * Creates the error for a missing permission. Reads the action and the table from DynamoDB's text: `… is not authorized
 * to perform: dynamodb:X on resource: arn:…:table/y because …`.
 */
function accessDenied(cause: unknown): MisconfiguredError {
  const denied = /perform: (\S+) on resource: (\S+)/.exec(textOf(cause));
  const table = denied?.[2] === undefined ? undefined : /table\/([^/\s]+)/.exec(denied[2])?.[1];
  const tables = table === undefined ? requestedTables(cause) : [table];
  const action = denied?.[1] ?? 'a request';
  const reason = /(?:because|with an explicit deny).*/.exec(textOf(cause))?.[0];
  const message = `the function's role does not allow ${action} on ${listOf(tables)}${reason === undefined ? '' : `: ${reason}`}`;
  return new MisconfiguredError('ACCESS_DENIED', message, { tables, cause });
}

/**
 * Creates the error for a DynamoDB request that is invalid because of the deployment, probably because a table has an
 * unexpected primary key.
 */
export const requestRefused = (tables: readonly string[], cause: unknown): MisconfiguredError =>
  new MisconfiguredError(
    'STORE_MISCONFIGURED',
    `DynamoDB refused a request on ${listOf(tables)}; check its primary key: ${textOf(cause)}`,
    { tables, cause },
  );

/**
 * Converts the error of a DynamoDB request to a `StoreUnavailableError` or a `MisconfiguredError`. Returns the error of
 * a failed condition unchanged.
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

const metadataOf = (error: unknown): Metadata => (error as { $metadata?: Metadata } | undefined)?.$metadata ?? {};
