import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';

import { signedHeaders } from '../../../infra/dev/runtime/sign.ts';
import { DEVELOPMENT_SECRET } from '../../../lib/http/development.ts';
import { createSigningKeys, parseSigningKeys } from '../../../lib/http/auth/signing-keys.ts';

const secretOf = (byte: number) => `whsec_${Buffer.alloc(32, byte).toString('base64')}`;
const clientsOf = (keys: readonly { client: string }[]) => keys.map(({ client }) => client);

describe('the reference vector of Standard Webhooks', () => {
  // From the tests of https://github.com/standard-webhooks/standard-webhooks.
  const vector = {
    secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    at: new Date(1_614_265_330_000),
    payload: '{"test": 2432232314}',
    signature: 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  };

  test('signedHeaders creates the signature of the official example of Standard Webhooks', () => {
    expect(signedHeaders(vector.payload, { key: vector.id, secret: vector.secret, at: vector.at })).toEqual({
      'content-type': 'application/json',
      'webhook-id': vector.id,
      'webhook-timestamp': '1614265330',
      'webhook-signature': vector.signature,
    });
  });

  test('a signature is valid at the time of its timestamp, and invalid more than five minutes before or after that time', () => {
    jest.useFakeTimers({ now: vector.at, doNotFake: ['nextTick', 'setImmediate'] });
    try {
      const { webhook } = parseSigningKeys(JSON.stringify({ shop: [vector.secret] }), 'prod')[0]!;
      const headers = {
        'webhook-id': vector.id,
        'webhook-timestamp': '1614265330',
        'webhook-signature': `v1,${Buffer.alloc(32).toString('base64')} ${vector.signature}`,
      };
      const verify = () => webhook.verify(vector.payload, headers, { jsonParse: false });
      expect(verify).not.toThrow();
      for (const seconds of [301, -301]) {
        jest.setSystemTime(vector.at.getTime() + seconds * 1_000);
        expect(verify).toThrow('timestamp');
      }
    } finally {
      jest.useRealTimers();
    }
  });
});

describe('signing keys of clients', () => {
  test('a client may have several signing keys or none at all', () => {
    const text = JSON.stringify({ 'shop-1': [secretOf(1), secretOf(2)], 'shop-2': [secretOf(3)], 'shop-3': [] });
    expect(clientsOf(parseSigningKeys(text, 'prod'))).toEqual(['shop-1', 'shop-1', 'shop-2']);
  });

  test.each([
    ['not JSON', 'whsec_secret'],
    ['a list', '[]'],
    ['a malformed key', JSON.stringify({ shop: ['secret-of-the-house'] })],
    ['a key too short', JSON.stringify({ shop: [`whsec_${Buffer.alloc(16, 1).toString('base64')}`] })],
    ['a client name with a space', JSON.stringify({ 'a b': [secretOf(1)] })],
  ])('parsing invalid signing keys (%s) fails with an error that does not quote the keys', (_, text) => {
    expect(() => parseSigningKeys(text, 'prod')).toThrow('the signing keys must be JSON');
    expect(() => parseSigningKeys(text, 'prod')).not.toThrow('secret-of-the-house');
  });

  test('parsing the signing keys fails if a key occurs twice or if there are more than 50 keys', () => {
    expect(() => parseSigningKeys(JSON.stringify({ a: [secretOf(1)], b: [secretOf(1)] }), 'prod')).toThrow(
      'duplicate signing key',
    );
    const many = Object.fromEntries(Array.from({ length: 51 }, (_, n) => [`shop-${n}`, [secretOf(n + 1)]]));
    expect(() => parseSigningKeys(JSON.stringify(many), 'prod')).toThrow('51 signing keys');
  });

  test('the development key is accepted only in the stage local', () => {
    const text = JSON.stringify({ development: [DEVELOPMENT_SECRET] });
    expect(() => parseSigningKeys(text, 'dev')).toThrow('development key');
    expect(clientsOf(parseSigningKeys(text, 'local'))).toEqual(['development']);
  });
});

describe('cached signing keys', () => {
  const aSecret = () => {
    const secret = { text: JSON.stringify({ shop: [secretOf(1)] }), isUnavailable: false, freshReads: 0 };
    const clock = { nowMs: 0, now: () => clock.nowMs };
    const keys = createSigningKeys(
      async (fresh) => {
        if (fresh) secret.freshReads += 1;
        if (secret.isUnavailable) throw new Error('unavailable');
        return secret.text;
      },
      { clock, stage: 'prod' },
    );
    return { secret, clock, keys };
  };

  test('the cache of signing keys returns the same objects while the secret is unchanged', async () => {
    const { keys } = aSecret();
    expect(await keys.current()).toBe(await keys.current());
  });

  test('failed verifications of signatures cause at most one new read of the signing keys in ten seconds', async () => {
    const { secret, clock, keys } = aSecret();
    const before = await keys.current();
    expect(await keys.newerThan(before)).toBeUndefined();
    secret.text = JSON.stringify({ shop: [secretOf(1), secretOf(2)] });
    for (let forgery = 0; forgery < 100; forgery += 1) expect(await keys.newerThan(before)).toBeUndefined();
    expect(secret.freshReads).toBe(1);
    clock.nowMs += 10_000;
    expect(await keys.newerThan(before)).toHaveLength(2);
    // A request that was verified with the old keys gets the new keys without another read of the secret.
    expect(await keys.newerThan(before)).toHaveLength(2);
    expect(secret.freshReads).toBe(2);
  });

  test('while the secret cannot be read, the cached signing keys are used for at most an hour', async () => {
    const { secret, clock, keys } = aSecret();
    await expect(anUnavailableSecret().current()).rejects.toThrow('unavailable');
    const before = await keys.current();
    secret.isUnavailable = true;
    clock.nowMs += 59 * 60_000;
    expect(await keys.current()).toBe(before);
    clock.nowMs += 2 * 60_000;
    await expect(keys.current()).rejects.toThrow('unavailable');
  });

  const anUnavailableSecret = () =>
    createSigningKeys(() => Promise.reject(new Error('unavailable')), { clock: { now: () => 0 }, stage: 'prod' });

  test('cached signing keys stay in use if the new value of the secret is invalid', async () => {
    const { secret, keys } = aSecret();
    const before = await keys.current();
    secret.text = 'a slip of the pen';
    expect(await keys.current()).toBe(before);
  });
});

describe('reads of signing keys that time out', () => {
  /**
   * Creates a cache of signing keys with a simulated secret. The test decides when each request for the secret is
   * answered.
   */
  const aSlowSecret = () => {
    const readings: ((text: string) => void)[] = [];
    const clock = { nowMs: 0, now: () => clock.nowMs };
    const read = () => new Promise<string>((resolve) => void readings.push(resolve));
    return { readings, clock, keys: createSigningKeys(read, { clock, stage: 'prod' }) };
  };
  const textOf = (...bytes: number[]) => JSON.stringify({ shop: bytes.map(secretOf) });

  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  test('a read of newer signing keys times out after three seconds, and the next request reads the secret again', async () => {
    const { readings, keys } = aSlowSecret();
    const first = keys.current();
    readings[0]!(textOf(1));
    const before = await first;
    const silent = keys.newerThan(before);
    await jest.advanceTimersByTimeAsync(3_000);
    expect(await silent).toBeUndefined();
    const again = keys.newerThan(before);
    readings[2]!(textOf(1, 2));
    expect(await again).toHaveLength(2);
  });

  test('for ten seconds after a read of the secret timed out, requests use the cached signing keys without waiting', async () => {
    const { readings, clock, keys } = aSlowSecret();
    const first = keys.current();
    readings[0]!(textOf(1));
    const before = await first;
    const silent = keys.current();
    await jest.advanceTimersByTimeAsync(3_000);
    expect(await silent).toBe(before);
    expect(await keys.current()).toBe(before);
    expect(readings).toHaveLength(2);
    clock.nowMs += 10_000;
    const later = keys.current();
    readings[2]!(textOf(1, 2));
    expect(await later).toHaveLength(2);
  });
});
