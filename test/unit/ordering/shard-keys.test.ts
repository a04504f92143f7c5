import { expect, test } from '@jest/globals';
import * as z from 'zod';

import { defineEvent } from '../../../lib/events/define.ts';
import { validate, type ValidMessage } from '../../../lib/message/message.ts';
import { on } from '../../../lib/message/rule.ts';
import { warnOfSplitKeys } from '../../../lib/ordering/shard-keys.ts';
import { workQueue } from '../../../lib/rabbitmq/topology/define.ts';
import { aDelivery, type GivenHeaders } from '../../support/delivery.ts';
import { exchanges } from '../../support/example/topology.ts';

const event = defineEvent({ type: 'split', version: 1, exchange: exchanges.library, schema: z.object({}) });

function aMessage(id: string, orderingKey: string, shardKey?: string): ValidMessage {
  const headers: GivenHeaders = shardKey === undefined ? {} : { 'surehop-key': shardKey };
  const rules = [on(event, () => ({ effects: [] }))];
  const message = validate(aDelivery({ id, type: 'split', headers }), rules, () => orderingKey);
  if (message.is === 'invalid') throw new Error(message.outcome.message);
  return message;
}

function warningsFor(shards: number, messages: readonly ValidMessage[]): string[] {
  const warnings: string[] = [];
  const queue = workQueue('loans', { ordered: true, shards });
  warnOfSplitKeys(messages, { queue, warn: (message, error) => warnings.push(`${message}: ${String(error)}`) });
  return warnings;
}

const split = [aMessage('m-1', 'DE', 'ada'), aMessage('m-2', 'FR', 'bob'), aMessage('m-3', 'DE', 'eve')];

test('if messages with the same ordering key have different event keys and can therefore be in different shards, the consumer logs one warning that names two of the messages', () => {
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
