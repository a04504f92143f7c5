import { describe, expect, test } from '@jest/globals';

import { readJson } from '../../../lib/http/body.ts';
import { checkJson } from '../../../lib/http/check-json.ts';

describe('JSON bodies', () => {
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
  ])('checkJson accepts the JSON body %s', (text) => {
    expect(() => checkJson(text)).not.toThrow();
  });

  test.each([
    ['a duplicate field', '{"a":1,"a":2}', 'duplicate field'],
    ['a duplicate field written with an escape', String.raw`{"a":1,"\u0061":2}`, 'duplicate field'],
    ['the field __proto__', '{"__proto__":1}', 'unknown field'],
    ['the field constructor', '{"constructor":1}', 'unknown field'],
    ['a number that a double rounds', '[9007199254740993]', 'double'],
    ['a lone surrogate', String.raw`["\ud800"]`, 'lone surrogate'],
  ])('checkJson throws an error for a JSON body with %s', (_, text, detail) => {
    expect(() => checkJson(text)).toThrow(
      expect.objectContaining({
        members: { errors: [expect.objectContaining({ detail: expect.stringContaining(detail) })] },
      }),
    );
  });

  test('the error about an invalid JSON body contains the JSON pointer of the first invalid value', () => {
    const at = (text: string) => {
      try {
        checkJson(text);
      } catch (problem) {
        return (problem as { members: { errors: { pointer: string }[] } }).members.errors[0]!.pointer;
      }
      throw new Error('checkJson accepted an invalid JSON body');
    };
    expect(at('{"items":[{"a":1},{"__proto__":{}}]}')).toBe('/items/1/__proto__');
    expect(at('{"a/b":{"c~d":1e999}}')).toBe('/a~1b/c~0d');
    expect(at('[1,[2,"\\udc00"]]')).toBe('/1/1');
  });

  test('all strings in a JSON body are converted to Unicode normalization form C', () => {
    const read = (text: string) => readJson(Buffer.from(text), { 'content-type': 'application/json' });
    expect(read('{"a":"cafe\u0301"}')).toEqual({ a: 'café' });
    expect(read(String.raw`{"a":["cafe\u0301"]}`)).toEqual({ a: ['café'] });
  });
});
