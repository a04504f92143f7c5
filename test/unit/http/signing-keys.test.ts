import { afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';

import { signedHeaders } from '../../../infra/dev/runtime/sign.ts';
import { DEVELOPMENT_SECRET } from '../../../lib/http/development.ts';
import { createSigningKeys, parseSigningKeys } from '../../../lib/http/auth/signing-keys.ts';

const secretOf = (byte: number) => `whsec_${Buffer.alloc(32, byte).toString('base64')}`;
const clientsOf = (keys: readonly { client: string }[]) => keys.map(({ client }) => client);

beforeAll(() => {
  Object.assign(process.env, { LOG_LEVEL: 'ERROR', POWERTOOLS_METRICS_DISABLED: 'true' });
});

describe('the reference vector of Standard Webhooks', () => {
  // https://github.com/standard-webhooks/standard-webhooks: secret, id, time and payload of the test suites of its libraries.
  const vector = {
    secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    at: new Date(1_614_265_330_000),
    payload: '{"test": 2432232314}',
    signature: 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  };

  test('is what our client signs', () => {
    expect(signedHeaders(vector.payload, { key: vector.id, secret: vector.secret, at: vector.at })).toEqual({
      'content-type': 'application/json',
      'webhook-id': vector.id,
      'webhook-timestamp': '1614265330',
      'webhook-signature': vector.signature,
    });
  });

  test('is what our keys verify, at its time, and at no other', () => {
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

describe('the keys of clients', () => {
  test('are several per client', () => {
    const text = JSON.stringify({ 'shop-1': [secretOf(1), secretOf(2)], 'shop-2': [secretOf(3)], 'shop-3': [] });
    expect(clientsOf(parseSigningKeys(text, 'prod'))).toEqual(['shop-1', 'shop-1', 'shop-2']);
  });

  test.each([
    ['no JSON', 'whsec_secret'],
    ['a list', '[]'],
    ['a key that is none', JSON.stringify({ shop: ['secret-of-the-house'] })],
    ['a key too short', JSON.stringify({ shop: [`whsec_${Buffer.alloc(16, 1).toString('base64')}`] })],
    ['a client with a strange name', JSON.stringify({ 'a b': [secretOf(1)] })],
  ])('that are %s are refused without a word of them', (_, text) => {
    expect(() => parseSigningKeys(text, 'prod')).toThrow('the signing keys must be JSON');
    expect(() => parseSigningKeys(text, 'prod')).not.toThrow('secret-of-the-house');
  });

  test('must each tell whose it is, and be no more than fifty', () => {
    expect(() => parseSigningKeys(JSON.stringify({ a: [secretOf(1)], b: [secretOf(1)] }), 'prod')).toThrow(
      'duplicate signing key',
    );
    const many = Object.fromEntries(Array.from({ length: 51 }, (_, n) => [`shop-${n}`, [secretOf(n + 1)]]));
    expect(() => parseSigningKeys(JSON.stringify(many), 'prod')).toThrow('51 signing keys');
  });

  test('must not be the development key but on a laptop', () => {
    const text = JSON.stringify({ development: [DEVELOPMENT_SECRET] });
    expect(() => parseSigningKeys(text, 'dev')).toThrow('development key');
    expect(clientsOf(parseSigningKeys(text, 'local'))).toEqual(['development']);
  });
});

describe('keys that are read', () => {
  const aSecret = () => {
    const secret = { text: JSON.stringify({ shop: [secretOf(1)] }), isAway: false, freshReads: 0 };
    const clock = { nowMs: 0, now: () => clock.nowMs };
    const keys = createSigningKeys(
      async (fresh) => {
        if (fresh) secret.freshReads += 1;
        if (secret.isAway) throw new Error('away');
        return secret.text;
      },
      { clock, stage: 'prod' },
    );
    return { secret, clock, keys };
  };

  test('are the same objects while the secret is the same', async () => {
    const { keys } = aSecret();
    expect(await keys.current()).toBe(await keys.current());
  });

  test('are looked for anew where no key fits, but not for each forged request', async () => {
    const { secret, clock, keys } = aSecret();
    const before = await keys.current();
    expect(await keys.newerThan(before)).toBeUndefined();
    secret.text = JSON.stringify({ shop: [secretOf(1), secretOf(2)] });
    for (let forgery = 0; forgery < 100; forgery += 1) expect(await keys.newerThan(before)).toBeUndefined();
    expect(secret.freshReads).toBe(1);
    clock.nowMs += 10_000;
    expect(await keys.newerThan(before)).toHaveLength(2);
    // Who still holds the old ones gets the new ones without a reading.
    expect(await keys.newerThan(before)).toHaveLength(2);
    expect(secret.freshReads).toBe(2);
  });

  test('stay in use for an hour while the secret cannot be read, and no longer', async () => {
    const { secret, clock, keys } = aSecret();
    await expect(aSecretThatIsAway().current()).rejects.toThrow('away');
    const before = await keys.current();
    secret.isAway = true;
    clock.nowMs += 59 * 60_000;
    expect(await keys.current()).toBe(before);
    clock.nowMs += 2 * 60_000;
    await expect(keys.current()).rejects.toThrow('away');
  });

  const aSecretThatIsAway = () =>
    createSigningKeys(() => Promise.reject(new Error('away')), { clock: { now: () => 0 }, stage: 'prod' });

  test('stay in use where what was written over them is no secret', async () => {
    const { secret, keys } = aSecret();
    const before = await keys.current();
    secret.text = 'a slip of the pen';
    expect(await keys.current()).toBe(before);
  });
});

describe('keys whose reading is not answered', () => {
  /** A secret whose readings are answered by the test, in any order. */
  const aSlowSecret = () => {
    const readings: ((text: string) => void)[] = [];
    const clock = { nowMs: 0, now: () => clock.nowMs };
    const read = () => new Promise<string>((resolve) => void readings.push(resolve));
    return { readings, clock, keys: createSigningKeys(read, { clock, stage: 'prod' }) };
  };
  const textOf = (...bytes: number[]) => JSON.stringify({ shop: bytes.map(secretOf) });

  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  test('are not waited for beyond three seconds, and the next request looks for newer ones again', async () => {
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

  test('leave those of before in use, for which no further request waits during ten seconds', async () => {
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
