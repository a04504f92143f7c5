import { expect, test } from '@jest/globals';

import type { ValidMessage } from '../../../lib/message/message.ts';
import type { MessageId } from '../../../lib/events/message-id.ts';
import { warnOfSplitKeys } from '../../../lib/ordering/shard-keys.ts';
import { workQueue } from '../../../lib/rabbitmq/topology/define.ts';
import { aDelivery } from '../../support/delivery.ts';

const aMessage = (id: string, orderingKey: string, shardKey?: string) =>
  ({
    is: 'valid',
    id: id as MessageId,
    delivery: aDelivery({ id, headers: shardKey === undefined ? {} : { 'surehop-key': shardKey } }),
    order: { key: orderingKey },
  }) as Partial<ValidMessage> as ValidMessage;

function warningsFor(shards: number, messages: readonly ValidMessage[]): string[] {
  const warnings: string[] = [];
  const queue = workQueue('loans', { ordered: true, shards });
  warnOfSplitKeys(messages, { queue, warn: (message, error) => warnings.push(`${message}: ${String(error)}`) });
  return warnings;
}

const split = [aMessage('m-1', 'DE', 'ada'), aMessage('m-2', 'FR', 'bob'), aMessage('m-3', 'DE', 'eve')];

test('if messages with the same ordering key have different event keys, the consumer of a sharded queue logs one warning with two message ids', () => {
  const [warning, ...others] = warningsFor(2, [...split, aMessage('m-4', 'FR', 'grace')]);
  expect(warning).toContain('messages of one ordering key may be in different shards');
  expect(warning).toContain('the messages m-1 and m-3 of the queue loans');
  expect(others).toEqual([]);
});

test.each([
  ['the queue has a single shard', 1, split],
  [
    'every ordering key has one event key',
    2,
    [aMessage('m-1', 'DE', 'ada'), aMessage('m-2', 'DE', 'ada'), aMessage('m-3', 'FR', 'bob')],
  ],
  ['an event key has several ordering keys', 2, [aMessage('m-1', 'DE 1', 'ada'), aMessage('m-2', 'DE 2', 'ada')]],
  ['no message has an event key', 2, [aMessage('m-1', 'DE'), aMessage('m-2', 'DE')]],
] as const)('the consumer logs no warning about shards if %s', (_, shards, messages) => {
  expect(warningsFor(shards, messages)).toEqual([]);
});
