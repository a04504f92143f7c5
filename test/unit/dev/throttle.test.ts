import { expect, test } from '@jest/globals';

import { createThrottle, throttleOf } from '../../../infra/dev/http-functions/throttle.ts';

test('the throttle of the local API allows a burst and then the rate per second, like API Gateway', () => {
  let nowMs = 0;
  const isWithinLimit = createThrottle({ ratePerSecond: 10, burst: 5 }, () => nowMs);
  const allowed = (requests: number) => Array.from({ length: requests }, isWithinLimit).filter(Boolean).length;
  expect(allowed(20)).toBe(5);
  nowMs += 99;
  expect(allowed(20)).toBe(0);
  nowMs += 1;
  expect(allowed(20)).toBe(1);
  nowMs += 60_000;
  expect(allowed(20)).toBe(5);
});

test('the local API uses the limits in serverless.yml unless HTTP_RATE_PER_SECOND is set', () => {
  const allowed = (custom: Parameters<typeof throttleOf>[0]) => {
    const isWithinLimit = throttleOf(custom);
    return Array.from({ length: 100 }, isWithinLimit).filter(Boolean).length;
  };
  const custom = { httpThrottle: { ratePerSecond: 1, burst: 7 } };
  expect(allowed(custom)).toBe(7);
  expect(allowed(undefined)).toBe(100);
  process.env['HTTP_RATE_PER_SECOND'] = '20';
  try {
    expect(allowed(custom)).toBeGreaterThanOrEqual(20);
  } finally {
    delete process.env['HTTP_RATE_PER_SECOND'];
  }
});
