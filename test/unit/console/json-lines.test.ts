import { expect, test } from '@jest/globals';

import { faultsByLine, faultsOf, jsonLines } from '../../../infra/console/json-lines.ts';

const textOf = (json: string) =>
  jsonLines(json, 1_000)
    ?.lines.map(({ depth, text }) => '  '.repeat(depth) + text)
    .join('\n');

test('the console formats JSON in the same way as JSON.stringify', () => {
  const value = { a: [1, { 'b/c': null }, []], d: {}, e: 'x"\n', '': true };
  expect(textOf(JSON.stringify(value))).toBe(JSON.stringify(value, undefined, 2));
});

/** Whether `JSON.parse` passes the source text of a number to its reviver. Node 20 does not. */
const keepsText = (() => {
  const sources: unknown[] = [];
  const revive = (_key: string, _value: unknown, context?: { source?: string }) => sources.push(context?.source);
  JSON.parse('1', revive);
  return sources[0] === '1';
})();

test('formatting JSON keeps all digits of large numbers if the runtime passes the source text of numbers to the reviver of JSON.parse', () => {
  const digits = keepsText ? '9007199254740993123' : '9007199254740993000';
  expect(textOf('{"id": 9007199254740993123}')).toBe(`{\n  "id": ${digits}\n}`);
});

test('jsonLines returns undefined for a text that is not JSON', () => {
  expect(jsonLines('{"a": 1', 1_000)).toBeUndefined();
});

test('jsonLines truncates long JSON after the given number of lines', () => {
  const json = jsonLines(JSON.stringify(Array.from({ length: 100 }, (_, index) => index)), 10)!;
  expect(json.isCut).toBe(true);
  expect(json.lines).toHaveLength(10);
});

test('jsonLines truncates deeply nested JSON instead of overflowing the call stack', () => {
  const depth = 100_000;
  const json = jsonLines('['.repeat(depth) + ']'.repeat(depth), 2_000);
  expect(json?.lines.length ?? 0).toBeLessThanOrEqual(2_000);
});

test('the console parses the reason of a schema mismatch into a list of validation errors', () => {
  expect(faultsOf('/items/0/quantity: Too small; expected >=1; /: Unrecognized key: "x"')).toEqual([
    { pointer: '/items/0/quantity', detail: 'Too small; expected >=1' },
    { pointer: '', detail: 'Unrecognized key: "x"' },
  ]);
  expect(faultsOf('no rule for version 2 of order.created')).toEqual([]);
});

test('the console shows a validation error at the line of the invalid field or, if the field is missing, at the line of the nearest enclosing object', () => {
  const { lines } = jsonLines('{"items": [{"quantity": 0}]}', 1_000)!;
  const faults = ['/items/0/quantity', '/items/0/price', '/currency', ''].map((pointer) => ({
    pointer,
    detail: 'wrong',
  }));
  const found = [...faultsByLine(lines, faults)].map(([index, own]) => [
    lines[index]!.text,
    own.map(({ pointer }) => pointer),
  ]);
  expect(found).toEqual([
    ['"quantity": 0', ['/items/0/quantity']],
    ['{', ['/items/0/price']],
    ['{', ['/currency', '']],
  ]);
});
