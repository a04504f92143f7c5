import { ConditionalCheckFailedException, TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import type { CancellationReason } from '@aws-sdk/client-dynamodb';

import { MisconfiguredError, StoreUnavailableError } from '../runtime/errors.ts';
import { tablesAsked } from './client.ts';
import { reportMisconfigured } from './report-misconfigured.ts';

/** What an error from DynamoDB says of the request. */
export type Answer =
  /** Nothing was written, for these reasons. */
  | { readonly is: 'cancelled'; readonly reasons: readonly CancellationReason[] }
  /** Nothing was written: the request is not valid, and never will be. */
  | { readonly is: 'refused' }
  /** Nothing was written: the deployment is wrong, whatever the request asks for. */
  | { readonly is: 'misconfigured'; readonly error: MisconfiguredError }
  /** Not now: throttled, or the same request is still under way. */
  | { readonly is: 'busy' }
  /** Nothing was written: the token of the request belongs to another transaction. */
  | { readonly is: 'tokenUsed' }
  /** No answer, or one that does not tell whether the request was done. */
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

/** Of DynamoDB's own text in an error's message, in characters. */
const MAX_TEXT_LENGTH = 300;

const textOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).slice(0, MAX_TEXT_LENGTH);

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : '');

const listOf = (tables: readonly string[]): string =>
  tables.length === 0 ? 'a table' : `${tables.length === 1 ? 'the table' : 'one of the tables'} ${tables.join(', ')}`;

/** Sorts what the client threw. */
export function readAnswer(error: unknown): Answer {
  if (error instanceof TransactionCanceledException) {
    return error.CancellationReasons ? { is: 'cancelled', reasons: error.CancellationReasons } : { is: 'lost' };
  }
  const name = nameOf(error);
  if (BUSY.has(name)) return { is: 'busy' };
  if (REFUSED.has(name)) return { is: 'refused' };
  if (name === 'IdempotentParameterMismatchException') return { is: 'tokenUsed' };
  if (name === 'ResourceNotFoundException') {
    const named = /Table: (\S+) not found/.exec(textOf(error))?.[1];
    const tables = named === undefined ? tablesAsked(error) : [named.replace(/^.*:table\//, '')];
    return { is: 'misconfigured', error: tableMissing(tables, error) };
  }
  if (DENIED.has(name)) return { is: 'misconfigured', error: accessDenied(error) };
  const { httpStatusCode: status, clockSkewCorrected = false } = metadataOf(error);
  // The signature was of another time; the SDK knows the right one by now.
  if (clockSkewCorrected) return { is: 'busy' };
  // What the SDK has no class for is always the client's fault to it, a 503 too: only the status tells.
  const isRefused = status !== undefined && status >= 400 && status < 500 && status !== 408 && status !== 429;
  if (CREDENTIALS_REFUSED.has(name) || isRefused) {
    const message = `DynamoDB refuses a request with ${name}: ${textOf(error)}`;
    return { is: 'misconfigured', error: new MisconfiguredError('STORE_MISCONFIGURED', message, { cause: error }) };
  }
  return { is: status === 429 ? 'busy' : 'lost' };
}

/** The error for tables of which one at least does not exist. */
export const tableMissing = (tables: readonly string[], cause?: unknown): MisconfiguredError =>
  new MisconfiguredError('TABLE_MISSING', `${listOf(tables)} does not exist`, { tables, cause });

/** Names the action and the table, which DynamoDB's text has: `… is not authorized to perform: dynamodb:X on resource: arn:…:table/y because …`. */
function accessDenied(cause: unknown): MisconfiguredError {
  const said = /perform: (\S+) on resource: (\S+)/.exec(textOf(cause));
  const table = said?.[2] === undefined ? undefined : /table\/([^/\s]+)/.exec(said[2])?.[1];
  const tables = table === undefined ? tablesAsked(cause) : [table];
  const what = said?.[1] ?? 'a request';
  const why = /(?:because|with an explicit deny).*/.exec(textOf(cause))?.[0];
  const message = `the function's role does not allow ${what} on ${listOf(tables)}${why === undefined ? '' : `: ${why}`}`;
  return new MisconfiguredError('ACCESS_DENIED', message, { tables, cause });
}

/** The error for a request that DynamoDB refuses although no message has a part in it. */
export const requestRefused = (tables: readonly string[], cause: unknown): MisconfiguredError =>
  new MisconfiguredError(
    'STORE_MISCONFIGURED',
    `DynamoDB refuses a request on ${listOf(tables)}, which may have another primary key than expected: ${textOf(cause)}`,
    { tables, cause },
  );

/**
 * What to throw for a failed request whose form is the code's own, not a rule's: the store is unavailable, or the deployment
 * is wrong. A condition that did not hold stays as it is.
 */
export function toStoreError(error: unknown): Error {
  if (error instanceof ConditionalCheckFailedException) return error;
  const answer = readAnswer(error);
  if (answer.is === 'misconfigured') return reportMisconfigured(answer.error);
  if (answer.is === 'refused') return reportMisconfigured(requestRefused(tablesAsked(error), error));
  return new StoreUnavailableError({ cause: error });
}

interface Metadata {
  readonly httpStatusCode?: number;
  readonly clockSkewCorrected?: boolean;
}

/** What the SDK notes of a request beside its error. */
const metadataOf = (error: unknown): Metadata => (error as { $metadata?: Metadata } | undefined)?.$metadata ?? {};
