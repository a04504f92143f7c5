import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';

import { queues } from '../../../infra/topology.ts';
import { createConsumer } from '../../../lib/consumer/consumer.ts';
import { decode, type RabbitMqRecord } from '../../../lib/consumer/delivery.ts';
import { anEvent, aRecord } from '../../support/delivery.ts';
import { anInvocation } from '../../support/invocation.ts';
import { tallied } from '../../support/tally.ts';
import { aWorkshop, type Workshop } from '../../support/workshop.ts';
import { firstAttempt } from '../../support/first-attempt.ts';

let shop: Workshop;
beforeAll(async () => {
  shop = await aWorkshop();
});
afterAll(() => shop.remove());

/** The calls that were made to the other system, by the key that they were given. */
let calls: string[];
let during: () => Promise<void> | void;
beforeEach(() => {
  calls = [];
  during = () => {};
});

const run = (records: readonly RabbitMqRecord[]) =>
  createConsumer(
    {
      queue: queues.stock,
      event: tallied,
      perform: async (_, { id }) => {
        calls.push(id);
        await during();
      },
    },
    shop.parts,
  )(anEvent(records), anInvocation());

const message = (id = randomUUID(), headers = {}) => aRecord({ id, type: 'test.tallied', body: { sku: 'a' }, headers });
const again = (record: RabbitMqRecord) => ({ ...record, redelivered: true });

describe('an effect that no transaction can hold', () => {
  test('is done once, whether the message comes again or comes twice', async () => {
    const record = message();
    expect((await run([record])).counts.completed).toBe(1);
    expect((await run([again(record)])).counts.duplicate).toBe(1);
    // Not marked as redelivered: a second copy of the publisher's.
    expect((await run([record])).counts.duplicate).toBe(1);
    expect(calls).toHaveLength(1);
  });

  test('is left to whoever is at it already: the other copy waits, no attempt spent', async () => {
    const record = message();
    let other: Awaited<ReturnType<typeof run>> | undefined;
    during = async () => {
      during = () => {};
      other = await run([record]);
    };
    expect((await run([record])).counts.completed).toBe(1);
    expect(other?.counts.retry).toBe(1);
    expect(other?.notCompleted).toMatchObject([{ code: 'LEASED' }]);
    expect(calls).toHaveLength(1);
    const [copy] = await shop.host.drain('retry.4s');
    expect(copy && copy.properties.headers?.['surehop-attempt']).toBe(1);
  });

  test('that fails is tried again at once when its retry copy comes: its lease was given back', async () => {
    const id = randomUUID();
    during = () => {
      throw new Error('the other system is away');
    };
    expect((await run([message(id)])).counts.retry).toBe(1);
    during = () => {};
    expect((await run([message(id, { 'surehop-attempt': 2 })])).counts.completed).toBe(1);
    expect(calls).toEqual([id, id]);
    await shop.host.drain('retry.1s');
    await shop.host.drain('stock');
  });

  test('whose process is gone is done again once the lease has run out, never skipped', async () => {
    const record = message();
    const { id, payloadHash } = decode(anEvent([record]))[0]!;
    // A process took the lease and was gone: nothing but the lease is left of it.
    await shop.parts.leases.take('stock', {
      ...firstAttempt,
      id: id!,
      payloadHash,
      owner: 'the process that is gone',
      durationMs: 300,
    });
    expect((await run([again(record)])).notCompleted).toMatchObject([{ code: 'LEASED' }]);
    await new Promise((resolve) => setTimeout(resolve, 350));
    expect((await run([again(record)])).counts.completed).toBe(1);
    expect(calls).toEqual([id]);
  });
});
