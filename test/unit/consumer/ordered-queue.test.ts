import { expect, test } from '@jest/globals';
import * as z from 'zod';

import { exchanges } from '../../support/example/topology.ts';
import { workQueue } from '../../../lib/rabbitmq/topology/define.ts';
import { createConsumer } from '../../../lib/consumer/consumer.ts';
import { defineEvent } from '../../../lib/events/define.ts';
import { systemClock } from '../../../lib/runtime/clock.ts';
import { gatedDependencies, memorySettings } from '../../../lib/testing/gated-dependencies.ts';
import { emptyStore } from '../../../lib/testing/memory-store.ts';

const event = defineEvent({
  type: 'ledger.entered',
  version: 1,
  exchange: exchanges.library,
  schema: z.object({ account: z.string() }),
});
const decide = () => ({ effects: [] });
const orderBy = ({ account }: { account: string }) => account;
const dependencies = gatedDependencies(
  { store: emptyStore(), clock: systemClock, settings: memorySettings({}), take: () => undefined },
  (_, run) => run(),
);

test('creating a consumer with orderBy fails if its queue is not declared as ordered', () => {
  expect(() => createConsumer({ queue: workQueue('ledger'), event, decide, orderBy }, dependencies)).toThrow(
    'the consumer of the queue ledger has orderBy, but the queue is not declared as ordered: declare it with workQueue("ledger", { ordered: true })',
  );
});

test('creating a consumer without orderBy fails if its queue is declared as ordered', () => {
  expect(() => createConsumer({ queue: workQueue('ledger', { ordered: true }), event, decide }, dependencies)).toThrow(
    'the queue ledger is declared as ordered, but its consumer has no orderBy',
  );
});

test('creating a consumer succeeds if it has both orderBy and an ordered queue, or neither of them', () => {
  expect(
    createConsumer({ queue: workQueue('ledger', { ordered: true }), event, decide, orderBy }, dependencies),
  ).toBeInstanceOf(Function);
  expect(createConsumer({ queue: workQueue('ledger'), event, decide }, dependencies)).toBeInstanceOf(Function);
});
