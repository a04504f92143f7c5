import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import * as z from 'zod';

import { tables } from '../../support/example/tables.ts';
import { exchanges } from '../../support/example/topology.ts';
import { readEnvelope } from '../../../lib/events/envelope.ts';
import { createConsumer, type ConsumerDefinition } from '../../../lib/consumer/consumer.ts';
import type { RabbitMqRecord } from '../../../lib/message/delivery.ts';
import { defineEvent } from '../../../lib/events/define.ts';
import { emit, reject, type Decision, type FollowUp } from '../../../lib/inbox/decision.ts';
import { PermanentError } from '../../../lib/runtime/errors.ts';
import { anEvent, aRecord, anInvocation } from '../../support/delivery.ts';
import { scriptedConsumer } from '../../support/scripted-consumer.ts';
import { aConsumerSetup, type ConsumerSetup } from '../../support/consumer-setup.ts';

let setup: ConsumerSetup;
beforeAll(async () => {
  setup = await aConsumerSetup();
});
afterAll(() => setup.remove());

let isbn: string;
beforeEach(() => {
  isbn = randomUUID();
});

const type = 'test.scripted';
const run = (records: readonly RabbitMqRecord[], definition: ConsumerDefinition<any> = scriptedConsumer) =>
  createConsumer(definition, setup.dependencies)(anEvent(records), anInvocation());
const applied = async () => (await setup.item('loans', { isbn }))?.available ?? 0;

/** A follow-up event with the field `note` as ordering key, so that a test can choose an ordering key of any length. */
const follower = defineEvent({
  type: 'loan.rejected',
  version: 1,
  exchange: exchanges.library,
  schema: z.object({ isbn: z.string(), note: z.string() }),
  key: ({ note }) => note,
});

const emitting = (event: FollowUp) => ({
  ...scriptedConsumer,
  decide: (): Decision => ({
    effects: [{ kind: 'add', table: tables.loans, key: { isbn }, attribute: 'available', by: 1 }],
    events: [event],
  }),
});
const following = (note: string) => emitting(emit(follower, { isbn, note }));

test('a follow-up event is published even if the ordering key of the event is too large for a message header', async () => {
  const record = aRecord({ type, body: { isbn } });
  expect((await run([record], following('x'.repeat(140_000)))).counts).toMatchObject({ completed: 1 });
  expect(await setup.host.drain('notices')).toHaveLength(1);
});

test.each([undefined, null, 0])(
  'if a business rule resolves with %s for one message, only this message is retried',
  async (given) => {
    const definition = {
      ...scriptedConsumer,
      decide: (event: any, context: any) =>
        event.number === 1 ? (Promise.resolve(given) as Promise<any>) : scriptedConsumer.decide(event, context),
    };
    const records = [aRecord({ type, body: { isbn, number: 1 } }), aRecord({ type, body: { isbn } })];
    expect((await run(records, definition)).counts).toMatchObject({ completed: 1, retry: 1 });
  },
);

test('a message is dead-lettered if its business rule returns a follow-up event without data', async () => {
  const report = await run(
    [aRecord({ type, body: { isbn } })],
    emitting({ event: { ...follower, key: undefined }, data: undefined }),
  );
  expect(report.counts).toMatchObject({ 'dead-letter': 1 });
  expect(await applied()).toBe(0);
});

test.each<[string, object]>([
  ['an unknown outcome', { outcome: 'ok' }],
  ['a follow-up event whose key is a number', { events: [{ event: { ...follower, key: () => 5 }, data: {} }] }],
  ['a follow-up event whose key is null', { events: [{ event: { ...follower, key: () => null }, data: {} }] }],
])('only the message with the decision is dead-lettered if a business rule returns %s', async (_, decision) => {
  const definition = {
    ...scriptedConsumer,
    decide: (event: any, context: any) =>
      event.number === 1
        ? { effects: [{ kind: 'add', table: tables.loans, key: { isbn }, attribute: 'available', by: 9 }], ...decision }
        : scriptedConsumer.decide(event, context),
  } as ConsumerDefinition<any>;
  const records = [aRecord({ type, body: { isbn, number: 1 } }), aRecord({ type, body: { isbn } })];
  const report = await run(records, definition);
  expect(report.counts).toMatchObject({ completed: 1, 'dead-letter': 1 });
  expect(report.notCompleted).toMatchObject([{ code: 'INVALID_EFFECT' }]);
  expect(await applied()).toBe(1);
});

test.each([
  ['surehop-attempt', 5_000],
  ['surehop-attempt', Number.MAX_SAFE_INTEGER],
  ['surehop-redrives', Number.MAX_SAFE_INTEGER],
])('a dead-lettered message with the header %s = %d can be redriven and then completes', async (name, value) => {
  const id = randomUUID();
  const body = { isbn, behave: 'permanent' };
  const failed = await run([aRecord({ id, type, body, headers: { [name]: value } })]);
  expect(failed.counts).toMatchObject({ 'dead-letter': 1 });
  // A redrive of the message writes this number into its header surehop-redrives.
  const redrives = readEnvelope({ [name]: value }).redrives + 1;
  const record = aRecord({ id, type, body, headers: { 'surehop-attempt': 1, 'surehop-redrives': redrives } });
  const fixed = {
    ...scriptedConsumer,
    decide: (event: any, context: any) => scriptedConsumer.decide({ ...event, behave: 'well' }, context),
  };
  expect((await run([record], fixed)).counts).toMatchObject({ completed: 1 });
  expect(await applied()).toBe(1);
});

const half = '\ud83d';

test.each<[string, () => Error]>([
  ['a lone UTF-16 surrogate in its message', () => new Error(`no customer ${half}`)],
  ['a message that was cut within a character', () => new Error('😀😀😀'.slice(0, 5))],
  ['a lone UTF-16 surrogate in the message of its PermanentError', () => new PermanentError('NO_CUSTOMER', half)],
  ['a lone UTF-16 surrogate in the code of its PermanentError', () => new PermanentError(`NO_${half}`, 'no customer')],
  ['a code that is cut within a character', () => new PermanentError(`${'x'.repeat(99)}😀`, 'no customer')],
])('a message is dead-lettered if its business rule throws an error with %s', async (_, error) => {
  const definition: ConsumerDefinition<any> = {
    ...scriptedConsumer,
    attempts: 1,
    decide: () => {
      throw error();
    },
  };
  const record = aRecord({ type, body: { isbn } });
  expect((await run([record], definition)).counts).toMatchObject({ 'dead-letter': 1 });
  expect((await run([record], definition)).counts).toMatchObject({ duplicate: 1 });
});

test('a message is rejected even if the reason of the rejection contains a lone UTF-16 surrogate', async () => {
  const definition: ConsumerDefinition<any> = { ...scriptedConsumer, decide: () => reject(`no customer ${half}`) };
  expect((await run([aRecord({ type, body: { isbn } })], definition)).counts).toMatchObject({ rejected: 1 });
});

test('messages whose ids are lone UTF-16 surrogates are dead-lettered, and the other messages of the batch complete', async () => {
  const records = ['\ud800', '\ud801'].map((id) => aRecord({ id, type, body: { isbn }, redelivered: true }));
  const report = await run([...records, aRecord({ type, body: { isbn } })]);
  expect(report.counts).toMatchObject({ completed: 1, 'dead-letter': 2 });
  expect(await applied()).toBe(1);
});
