import { describe, expect, test } from '@jest/globals';
import * as z from 'zod';

import { validate, type InvalidMessage } from '../../../lib/message/message.ts';
import { defineEvent } from '../../../lib/events/define.ts';
import { emit } from '../../../lib/inbox/decision.ts';
import { testConsumer } from '../../../lib/testing/test-consumer.ts';
import { aDelivery } from '../../support/delivery.ts';
import { noted, outcomesOf, queue } from '../../support/notes.ts';

test('a very long property name that the schema refuses is cut off in the reason of the dead letter', () => {
  const event = defineEvent({ type: noted.type, version: 1, exchange: noted.exchange, schema: z.strictObject({}) });
  const body = { ['p'.repeat(900_000)]: 1 };
  const validated = validate(aDelivery({ id: 'm', type: noted.type, body }), [
    { event, decide: () => ({ effects: [] }) },
  ]);
  expect(validated).toMatchObject({ is: 'invalid', outcome: { code: 'SCHEMA_MISMATCH' } });
  expect(JSON.stringify((validated as InvalidMessage).outcome).length).toBeLessThan(1_000);
});

describe('a consumer with business rules for two versions of one event', () => {
  const versioned = (version: number) => defineEvent({ ...noted, version });
  const ran: string[] = [];
  const on = (version: number) => ({
    event: versioned(version),
    decide: () => {
      ran.push(`v${version}`);
      return { effects: [] };
    },
  });
  const consumer = () => {
    ran.length = 0;
    return testConsumer({ queue, rules: [on(1), on(2)] });
  };

  test('a consumer with rules for two versions of an event processes each message with the rule for its version', async () => {
    const both = consumer();
    const results = await both.receiveBatch([1, 2].map((version) => emit(versioned(version), { isBad: false })));
    expect([outcomesOf(results), ran]).toEqual([
      ['completed', 'completed'],
      ['v1', 'v2'],
    ]);
  });

  test('if a consumer has rules for two versions of an event, the first rule processes a message that states no version', async () => {
    const received = await consumer().receiveMessage({ messageId: 'm', type: noted.type, body: {} });
    expect([received.outcome, ran]).toEqual(['completed', ['v1']]);
  });

  test('a consumer with two rules for the same version of an event cannot be created', () => {
    expect(() => testConsumer({ queue, rules: [on(1), on(1)] })).toThrow(
      `has two rules for version 1 of the event ${noted.type}: remove one of the two`,
    );
  });

  test('a message whose version has no rule is dead-lettered', async () => {
    const received = await consumer().receive(versioned(3), { isBad: false });
    expect(received).toMatchObject({ outcome: 'dead-letter', reason: 'SCHEMA_MISMATCH' });
    expect(received.error).toBe(
      'no rule for version 3 of note.taken; this consumer has rules for note.taken v1, note.taken v2',
    );
  });
});
