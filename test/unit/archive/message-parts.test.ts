import { expect, test } from '@jest/globals';
import fc from 'fast-check';

import { fromParts, readProperties, toParts, writeProperties } from '../../../lib/archive/message-parts.ts';
import { decodeHeaders } from '../../../lib/events/json-form.ts';
import { character } from '../../support/characters.ts';
import { encodeTable, type GivenHeader } from '../../support/delivery.ts';

const { value: headerValue } = fc.letrec<{ value: GivenHeader }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.string({ unit: character }),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => (Object.is(number, -0) ? 0 : number)),
    fc.boolean(),
    fc.constant(null),
    fc.uint8Array().map((bytes) => Buffer.from(bytes)),
    fc.array(tie('value')),
    fc.dictionary(fc.oneof(fc.string(), fc.constantFrom('__proto__', 'bytes')), tie('value')),
  ),
}));

const headers = fc
  .dictionary(fc.oneof(fc.string(), fc.constantFrom('__proto__', 'bytes')), headerValue)
  .map((given) => decodeHeaders(encodeTable(given)));

const properties = fc.record({
  messageId: fc.string(),
  priority: fc.nat(255),
  timestamp: fc.nat(),
  headers,
});

test('AMQP properties are the same after a conversion to JSON and back, including the type of every header', () => {
  fc.assert(fc.property(properties, (given) => expect(readProperties(writeProperties(given))).toEqual(given)));
});

test('a message of any size that was split into parts for DynamoDB is restored byte for byte', () => {
  const sizes = fc.constantFrom(0, 1, 349_999, 350_000, 350_001, 1_200_000);
  fc.assert(
    fc.property(sizes, fc.uint8Array({ minLength: 1 }), properties, (size, seed, properties) => {
      const body = Buffer.alloc(size, seed);
      const parts = toParts({ body, properties });
      for (const part of parts) expect(part.length).toBeLessThan(400_000);
      const read = fromParts(parts, size);
      expect(read.body.equals(body)).toBe(true);
      expect(read.properties).toEqual(properties);
    }),
    { numRuns: 30 },
  );
});
