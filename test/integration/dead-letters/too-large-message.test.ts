import { randomUUID } from 'node:crypto';

import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';

import type { Publisher } from '../../../lib/events/publish.ts';
import { createConsumer } from '../../../lib/consumer/consumer.ts';
import { PublishError } from '../../../lib/runtime/errors.ts';
import { anEvent, aRecord, anInvocation } from '../../support/delivery.ts';
import { scriptedConsumer } from '../../support/scripted-consumer.ts';
import { aConsumerSetup, type ConsumerSetup } from '../../support/consumer-setup.ts';

const before = { ...process.env };

let setup: ConsumerSetup;
beforeAll(async () => {
  Object.assign(process.env, { POWERTOOLS_DEV: 'true', POWERTOOLS_METRICS_DISABLED: 'false' });
  setup = await aConsumerSetup();
});
afterEach(() => {
  jest.restoreAllMocks();
});
afterAll(async () => {
  process.env = before;
  await setup.remove();
});

test('a dead letter that is too large for the broker is archived by the consumer and counted once in the metric DeadLettersArchived', async () => {
  const lines: string[] = [];
  for (const level of ['log', 'info', 'warn'] as const)
    jest.spyOn(console, level).mockImplementation((line: unknown) => void lines.push(String(line)));
  const archived = () =>
    lines.flatMap((line) => {
      const { queue, DeadLettersArchived } = JSON.parse(line) as { queue?: string; DeadLettersArchived?: number };
      return DeadLettersArchived === undefined ? [] : [{ queue, DeadLettersArchived }];
    });
  const refusing: Publisher = {
    ...setup.publisher,
    publishAll: (messages) => Promise.resolve(messages.map(() => new PublishError('TOO_LARGE', 'larger than allowed'))),
  };
  const record = aRecord({ type: 'test.scripted', body: { isbn: randomUUID(), behave: 'permanent' } });
  const run = () =>
    createConsumer(scriptedConsumer, { ...setup.dependencies, publisher: refusing })(anEvent([record]), anInvocation());
  expect(await run()).toMatchObject({ counts: { 'dead-letter': 1 } });
  expect(archived()).toEqual([{ queue: 'loans', DeadLettersArchived: 1 }]);
  await run();
  expect(archived()).toHaveLength(1);
});
