import { expect, test } from '@jest/globals';

import { withRetries } from '../../../lib/dynamodb/retry-policy.ts';
import { named } from '../../support/store-faults.ts';

const retryPolicy = { attempts: 2, conflicts: 5, firstDelayMs: 1, maxDelayMs: 1 };
const lost = named('TimeoutError');
const throttled = named('ThrottlingException');

/** Sends a request whose first attempts fail with `errors`. Returns `sent`, or the code of the final error. */
async function outcome(errors: readonly Error[]): Promise<string> {
  let attempts = 0;
  const send = async () => {
    const error = errors[attempts++];
    if (error) throw error;
    return 'sent';
  };
  return withRetries(send, retryPolicy).catch((error: { code: string }) => error.code);
}

test.each([
  ['one lost reply', [lost], 'sent'],
  ['as many lost replies as the limit allows attempts', [lost, lost], 'STORE_UNAVAILABLE'],
  ['throttled attempts below their limit', [throttled, throttled, throttled, throttled], 'sent'],
  ['as many throttled attempts as their limit', Array<Error>(5).fill(throttled), 'STORE_UNAVAILABLE'],
  ['one lost reply after several throttled attempts', [throttled, throttled, throttled, lost], 'sent'],
  ['a refused request', [named('ValidationException')], 'STORE_MISCONFIGURED'],
])(
  'a request to DynamoDB is sent again within the limits of its kind of failure (case: %s)',
  async (_, errors, result) => {
    expect(await outcome(errors)).toBe(result);
  },
);
