import { expect, test } from '@jest/globals';

import { emptyValue, withMember } from '../../../infra/console/schema.ts';

test('the initial value of a form contains only the members that the schema requires, and a number starts at the minimum that the schema allows', () => {
  const schema = {
    type: 'object',
    required: ['name', 'count', 'isNew', 'kind', 'parts'],
    properties: {
      name: { type: 'string' },
      count: { type: 'integer', minimum: 1 },
      isNew: { type: 'boolean' },
      kind: { enum: ['small', 'large'] },
      parts: { type: 'array', items: { type: 'string' } },
      note: { type: 'string' },
    },
  };
  expect(emptyValue(schema)).toEqual({ name: '', count: 1, isNew: false, kind: 'small', parts: [] });
});

test('replacing the value of a JSON member keeps the position of the member in its object', () => {
  const object = { one: 1, two: 2, three: 3 };
  expect(JSON.stringify(withMember(object, 'two', 'x'))).toBe('{"one":1,"two":"x","three":3}');
  expect(JSON.stringify(withMember(object, 'two', undefined))).toBe('{"one":1,"three":3}');
  expect(JSON.stringify(withMember(object, 'four', 4))).toBe('{"one":1,"two":2,"three":3,"four":4}');
  expect(withMember('no object', 'one', 1)).toEqual({ one: 1 });
});
