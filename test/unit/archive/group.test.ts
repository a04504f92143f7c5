import { describe, expect, test } from '@jest/globals';

import { groupOf } from '../../../lib/archive/group.ts';

const of = (about: Partial<Parameters<typeof groupOf>[0]>) =>
  groupOf({ queue: 'loans', code: 'BOOM', reason: 'no shelf', ...about });

describe('the group of a dead letter', () => {
  test('dead letters with the same queue, code and reason are in one group', () => {
    expect(of({})).toEqual({ group: of({}).group, cause: 'no shelf' });
    expect(of({}).group).toMatch(/^[0-9a-f]{16}$/);
  });

  test('dead letters with different queues or different codes are in different groups', () => {
    expect(of({ queue: 'notices' }).group).not.toBe(of({}).group);
    expect(of({ queue: undefined }).group).not.toBe(of({}).group);
    expect(of({ code: 'BANG' }).group).not.toBe(of({}).group);
  });

  test.each([
    ['numbers', 'shelf 17 holds 2.5 kg', 'shelf 4 holds 12 kg', 'shelf … holds … kg'],
    [
      'UUIDs',
      'loan 0b1f9d3e-5d53-5c55-9d16-7c1a5f7f0c11 is gone',
      'loan 9c1f9d3e-5d53-4c55-9d16-7c1a5f7f0c12 is gone',
      'loan … is gone',
    ],
    ['hexadecimal ids', 'block deadbeef01 is bad', 'block 00c0ffee99 is bad', 'block … is bad'],
    ['quoted texts', 'no reader "ada"', 'no reader "bo \' b"', 'no reader …'],
  ])('dead letters are in one group if their reasons differ only in %s', (_, one, other, cause) => {
    expect(of({ reason: one })).toEqual(of({ reason: other }));
    expect(of({ reason: one }).cause).toBe(cause);
  });

  test('an exception is grouped by its error code and the innermost line of the service’s own code, whatever the text of the exception', () => {
    const code = 'ATTEMPTS_EXHAUSTED';
    const frames = 'Object.h (functions/lend.ts:17:3)\nfunctions/lend.ts:40:1';
    const reason = (error: string) => `4 attempts failed, the last with ${error}`;
    const one = of({ code, frames, reason: reason('UNKNOWN_ERROR: connect to 10.0.0.1 failed') });
    expect(one.cause).toBe('UNKNOWN_ERROR in functions/lend.ts:17');
    expect(of({ code, frames, reason: reason('UNKNOWN_ERROR: another text') })).toEqual(one);
    expect(of({ code, frames: 'v (functions/lend.ts:17:3)', reason: 'UNKNOWN_ERROR: another text' })).toEqual(one);
    expect(of({ code, frames: 'functions/lend.ts:17:9', reason: 'UNKNOWN_ERROR: another text' })).toEqual(one);
    expect(of({ code, frames, reason: reason('NO_SHELF: another text') }).group).not.toBe(one.group);
    expect(of({ code, frames: 'functions/lend.ts:18:3', reason: 'UNKNOWN_ERROR: x' }).group).not.toBe(one.group);
  });

  test('schema mismatches are grouped by the invalid parts of the body, whatever their positions in an array', () => {
    const code = 'SCHEMA_MISMATCH';
    const one = of({ code, reason: '/lines/0/pages: expected a number; /reader: required' });
    expect(one.cause).toBe('/lines/*/pages, /reader');
    expect(of({ code, reason: '/reader: too long; /lines/12/pages: expected: a number' })).toEqual(one);
    expect(of({ code, reason: 'no rule for version 7 of loan.made' }).cause).toBe('no rule for version … of loan.made');
  });
});
