import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';

import { createSecretReader } from '../../../lib/runtime/secrets.ts';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

test('a late response of Secrets Manager does not replace a newer secret in the cache', async () => {
  const answers: ((text: string) => void)[] = [];
  const send = () => new Promise((resolve) => void answers.push((SecretString: string) => resolve({ SecretString })));
  const read = createSecretReader({ send } as unknown as SecretsManagerClient, { now: () => Date.now() });
  const silent = read('arn');
  const failure = silent.catch((error: Error) => error.message);
  await jest.advanceTimersByTimeAsync(5_000);
  expect(await failure).toBe('no answer within 5000 ms');
  const second = read('arn');
  answers[1]!('new');
  expect(await second).toBe('new');
  answers[0]!('old');
  await jest.advanceTimersByTimeAsync(1);
  expect(await read('arn')).toBe('new');
  expect(answers).toHaveLength(2);
});
