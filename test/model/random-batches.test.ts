import { expect, jest, test } from '@jest/globals';
import fc from 'fast-check';

import type { ConsumerDefinition } from '../../lib/consumer/consumer.ts';
import { numRuns } from '../support/thorough.ts';
import { violationsOf } from './invariants.ts';
import type { ModelMessage } from './model-message.ts';
import { decide, definition, messagesOf, modelled, type Kind } from './modelled-consumer.ts';
import { quietly, runModel } from './run-model.ts';

// The tests need much processor time, and other tests may run at the same time.
jest.setTimeout(600_000);

const kind = fc.constantFrom<Kind>('sound', 'fails', 'rejected', 'poison', 'either', 'killer');
const isRare = fc.nat(9).map((one) => one === 0);

const orderBy = ({ key }: { key: string }): string => {
  if (key === 'none') throw new Error('this message has no ordering key');
  return key;
};

const scenario = fc.record({
  messages: fc.array(fc.record({ kind, key: fc.constantFrom('a', 'b', 'c', 'none'), isCopied: isRare }), {
    minLength: 2,
    maxLength: 8,
  }),
  isPerformed: isRare,
  faults: fc.constantFrom(1, 2),
  unroutable: fc.nat(4),
  refusals: fc.nat(2),
  hasWholeBatches: fc.boolean(),
  // The choice 0 is the usual one, for example no fault.
  choices: fc.infiniteStream(fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(20) })),
});

test('whatever crashes, fails or is lost, the messages of an ordered queue are processed once and in order, and a message crashes only a limited number of processes', async () => {
  const property = fc.asyncProperty(scenario, async ({ messages, isPerformed, choices, ...options }) => {
    const keys = messages.map(({ key }) => key);
    const sent = messagesOf(messages.map((message) => message.kind)).map((message, index): ModelMessage => {
      const isPoison = message.isPoison || keys[index] === 'none';
      const body = { ...message.body, key: keys[index] };
      return { ...message, body, copies: messages[index]!.isCopied ? 2 : 1, isPoison, due: isPoison ? 0 : message.due };
    });
    const order = ['a', 'b', 'c'].map((key) => sent.filter((_, index) => keys[index] === key).map(({ id }) => id));
    const queue = { ...definition.queue, ordered: true };
    const rule = isPerformed ? { perform: async (...args: Parameters<typeof decide>) => decide(...args) } : { decide };
    const ordered: ConsumerDefinition<any> = { queue, event: modelled, orderBy, ...rule };
    const audited = await runModel(
      { ...options, definition: ordered, messages: sent, order },
      (ways) => choices.next().value % ways,
    );
    expect(violationsOf(audited!)).toEqual({});
  });
  await quietly(() => fc.assert(property, { numRuns: numRuns({ everyday: 300, thorough: 3_000 }) }));
});
