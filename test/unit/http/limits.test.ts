import { beforeAll, describe, expect, test } from '@jest/globals';

import { checkHeaders } from '../../../lib/http/check-headers.ts';
import { checkJson } from '../../../lib/http/check-json.ts';
import { readJson } from '../../../lib/http/body.ts';
import { createRateLimit } from '../../../lib/http/rate-limit.ts';
import { tokenBucket } from '../../../lib/http/token-bucket.ts';
import { scrub } from '../../../lib/runtime/scrub.ts';

beforeAll(() => {
  Object.assign(process.env, { LOG_LEVEL: 'ERROR', POWERTOOLS_METRICS_DISABLED: 'true' });
});

const aClock = () => {
  const clock = { nowMs: 1_000_000, now: () => clock.nowMs };
  return clock;
};

describe('a token bucket', () => {
  test('gives a second at once, then one token at a time', () => {
    const clock = aClock();
    const bucket = tokenBucket(10, clock);
    expect(Array.from({ length: 12 }, () => bucket.take()).filter(Boolean)).toHaveLength(10);
    clock.nowMs += 99;
    expect(bucket.take()).toBe(false);
    clock.nowMs += 1;
    expect(bucket.take()).toBe(true);
    expect(bucket.take()).toBe(false);
    clock.nowMs += 60_000;
    expect(bucket.left()).toBe(10);
  });

  test('is not emptied by a clock that is set back', () => {
    const clock = aClock();
    const bucket = tokenBucket(10, clock);
    clock.nowMs -= 3_600_000;
    expect(bucket.left()).toBe(10);
    expect(bucket.take()).toBe(true);
  });
});

describe('the rate limit', () => {
  test('is per client and in total, and says what is left', () => {
    const limit = createRateLimit({ perSecond: 5, clientPerSecond: 2 }, aClock());
    limit.admitClient('a');
    limit.admitClient('a');
    expect(() => limit.admitClient('a')).toThrow(expect.objectContaining({ problem: 'rate-limited' }));
    limit.admitClient('b');
    for (let request = 0; request < 5; request += 1) limit.admit();
    expect(() => limit.admit()).toThrow(expect.objectContaining({ problem: 'rate-limited' }));
    expect(limit.headers('b')).toEqual({
      'ratelimit-policy': '"total";q=5;w=1, "client";q=2;w=1',
      ratelimit: '"total";r=0;t=1, "client";r=1;t=1',
    });
    expect(limit.headers()).toEqual({ 'ratelimit-policy': '"total";q=5;w=1', ratelimit: '"total";r=0;t=1' });
  });
});

describe('JSON', () => {
  test.each([
    '{}',
    '[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]',
    '{"a":{"a":1},"b":{"a":1}}',
    '[{"a":1},{"a":1}]',
    '{"a":"__proto__"}',
    '{"a":"{\\"b\\":[[[[[[[[[[[[[[[[[[["}',
    '{"a":"\\\\","b":"\\""}',
    '[0, -0, 0.0, 1.0, 1e2, -1.5, 0.1, 9007199254740991, 5e-324]',
    '{"a":"\\ud83e\\udd8a"}',
  ])('%s passes', (text) => {
    expect(() => checkJson(text)).not.toThrow();
  });

  test('that is at fault is named by its place', () => {
    const at = (text: string) => {
      try {
        checkJson(text);
      } catch (problem) {
        return (problem as { members: { errors: { pointer: string }[] } }).members.errors[0]!.pointer;
      }
      throw new Error('no fault');
    };
    expect(at('{"items":[{"a":1},{"__proto__":{}}]}')).toBe('/items/1/__proto__');
    expect(at('{"a/b":{"c~d":1e999}}')).toBe('/a~1b/c~0d');
    expect(at('[1,[2,"\\udc00"]]')).toBe('/1/1');
  });

  test('has its texts in one form, whatever form they came in', () => {
    const read = (text: string) => readJson(Buffer.from(text), { 'content-type': 'application/json' });
    expect(read('{"a":"cafe\u0301"}')).toEqual({ a: 'café' });
    expect(read(String.raw`{"a":["cafe\u0301"]}`)).toEqual({ a: ['café'] });
  });
});

test('headers are bounded by their bytes and their number', () => {
  expect(() => checkHeaders({ a: 'x'.repeat(10_239) })).not.toThrow();
  expect(() => checkHeaders({ a: 'x'.repeat(10_240) })).toThrow(
    expect.objectContaining({ problem: 'headers-too-large' }),
  );
  expect(() => checkHeaders({ a: 'é'.repeat(5_120) })).toThrow();
});

test.each([
  ['amqp://user:pass@host:5672', 'amqp://***@host:5672'],
  ['key whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw is wrong', 'key whsec_*** is wrong'],
  ['Bearer abc.def', 'Bearer ***'],
  ['token eyJhbGciOiJSUzI1NiJ9.eyJhIjoxfQ.c2ln here', 'token eyJ*** here'],
  ['v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=', 'v1,***'],
  ['nothing secret, order v1, of 2026', 'nothing secret, order v1, of 2026'],
])('%s is logged as %s', (text, scrubbed) => {
  expect(scrub(text)).toBe(scrubbed);
});
