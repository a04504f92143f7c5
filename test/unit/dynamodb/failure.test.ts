import { describe, expect, test } from '@jest/globals';
import { DynamoDBServiceException, TransactionCanceledException } from '@aws-sdk/client-dynamodb';

import { MisconfiguredError, StoreUnavailableError } from '../../../lib/runtime/errors.ts';
import { readFailure, toStoreError } from '../../../lib/dynamodb/failure.ts';

/** Creates the error that the AWS SDK throws after an error response of DynamoDB. */
const answered = (name: string, status: number, message = name) =>
  new DynamoDBServiceException({ name, message, $fault: 'client', $metadata: { httpStatusCode: status } });

/** Creates the error that the AWS SDK throws if DynamoDB does not respond. */
const failed = (name: string, code?: string) => Object.assign(new Error(name), { name, code });

const ARN = 'arn:aws:dynamodb:eu-central-1:123456789012:table/surehop-prod-loans';
const USER = 'arn:aws:sts::123456789012:assumed-role/surehop-prod-reserve-loans/surehop-prod-reserve-loans';

describe('errors from DynamoDB', () => {
  test.each([
    [failed('TimeoutError'), 'STORE_UNAVAILABLE'],
    [failed('AbortError'), 'STORE_UNAVAILABLE'],
    [failed('Error', 'ECONNREFUSED'), 'STORE_UNAVAILABLE'],
    [failed('Error', 'ENOTFOUND'), 'STORE_UNAVAILABLE'],
    [answered('InternalServerError', 500), 'STORE_UNAVAILABLE'],
    [answered('ServiceUnavailable', 503), 'STORE_UNAVAILABLE'],
    [answered('502', 502), 'STORE_UNAVAILABLE'],
    [answered('RequestTimeoutException', 408), 'STORE_UNAVAILABLE'],
    [answered('ThrottlingException', 400), 'STORE_UNAVAILABLE'],
    [answered('ProvisionedThroughputExceededException', 400), 'STORE_UNAVAILABLE'],
    [answered('RequestLimitExceeded', 400), 'STORE_UNAVAILABLE'],
    [answered('ReplicatedWriteConflictException', 400), 'STORE_UNAVAILABLE'],
    [answered('TooManyRequests', 429), 'STORE_UNAVAILABLE'],
    [answered('ResourceNotFoundException', 400, 'Requested resource not found'), 'TABLE_MISSING'],
    [answered('AccessDeniedException', 400), 'ACCESS_DENIED'],
    [answered('UnrecognizedClientException', 400), 'STORE_MISCONFIGURED'],
    [answered('ExpiredTokenException', 400), 'STORE_MISCONFIGURED'],
    [answered('InvalidSignatureException', 400), 'STORE_MISCONFIGURED'],
    [answered('MissingAuthenticationTokenException', 403), 'STORE_MISCONFIGURED'],
    [answered('OptInRequired', 403), 'STORE_MISCONFIGURED'],
    [failed('CredentialsProviderError'), 'STORE_MISCONFIGURED'],
    [answered('UnknownOperationException', 400), 'STORE_MISCONFIGURED'],
    [answered('ValidationException', 400), 'STORE_MISCONFIGURED'],
    [answered('RequestEntityTooLargeException', 413), 'STORE_MISCONFIGURED'],
  ])(
    'the DynamoDB error %s becomes an error with the code %s if the content of the request does not depend on a message',
    (error, code) => {
      const thrown = toStoreError(error);
      expect(thrown).toMatchObject({ code, cause: error });
      expect(thrown).toBeInstanceOf(code === 'STORE_UNAVAILABLE' ? StoreUnavailableError : MisconfiguredError);
    },
  );

  test('the error for a missing table names the table if DynamoDB names it', () => {
    const error = answered('ResourceNotFoundException', 400, 'Requested resource not found: Table: shop-x not found');
    expect(toStoreError(error)).toMatchObject({ message: 'the table shop-x does not exist', tables: ['shop-x'] });
  });

  test('the error for a missing permission names the action, the table and the reason, but not the role', () => {
    const message = `User: ${USER} is not authorized to perform: dynamodb:UpdateItem on resource: ${ARN} because no identity-based policy allows the dynamodb:UpdateItem action`;
    expect(toStoreError(answered('AccessDeniedException', 400, message))).toMatchObject({
      message:
        "the function's role does not allow dynamodb:UpdateItem on the table surehop-prod-loans: because no identity-based policy allows the dynamodb:UpdateItem action",
      tables: ['surehop-prod-loans'],
    });
  });

  test('an InvalidSignatureException counts as a temporary error if the AWS SDK has corrected its clock', () => {
    const error = answered('InvalidSignatureException', 400);
    Object.assign(error.$metadata, { clockSkewCorrected: true });
    expect(readFailure(error)).toEqual({ is: 'busy' });
  });

  test('a cancelled transaction without cancellation reasons counts as a request that got no response', () => {
    const reasons = [{ Code: 'None' }];
    const cancelled = (CancellationReasons?: { Code: string }[]) =>
      new TransactionCanceledException({ message: 'x', CancellationReasons, $metadata: { httpStatusCode: 400 } });
    expect(readFailure(cancelled(reasons))).toEqual({ is: 'cancelled', reasons });
    expect(readFailure(cancelled())).toEqual({ is: 'lost' });
  });
});
