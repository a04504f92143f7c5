import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { ConfirmChannel } from 'amqplib';
import { connect } from 'amqplib';

import { reach } from '../../../infra/dev/runtime/broker/prepare.ts';
import { topology } from '../../../infra/topology.ts';
import type { BrokerAccess } from '../../../lib/rabbitmq/admin/broker-access.ts';
import { readBrokerState } from '../../../lib/rabbitmq/topology/broker-state.ts';
import { applyTopology } from '../../../lib/rabbitmq/topology/apply.ts';
import { describeFinding, requireSafe, verifyTopology } from '../../../lib/rabbitmq/topology/verify.ts';
import { aVirtualHost, type VirtualHost } from '../../support/broker.ts';

let host: VirtualHost;
let broker: BrokerAccess;
beforeEach(async () => {
  host = await aVirtualHost();
  broker = reach(host.amqpUrl, process.env['MANAGEMENT_URL']);
  await applyTopology(broker, topology);
});
afterEach(() => host.remove());

const findings = async () => verifyTopology(topology, await readBrokerState(broker.api)).map(describeFinding);

const policy = (name: string, definition: Record<string, unknown>, pattern = '^stock$', priority = 99) =>
  host.manage('PUT', `policies/${host.name}/${name}`, { pattern, definition, priority, 'apply-to': 'queues' });

const stockArguments = topology.queues.find(({ name }) => name === 'stock')!.arguments;

/** The stock queue, made anew by somebody who knew better. */
const stockWith = async (changes: Record<string, unknown>, type = 'quorum') => {
  await host.channel.deleteQueue('stock');
  const settings = Object.entries({ ...stockArguments, 'x-queue-type': type, ...changes });
  await host.channel.assertQueue('stock', {
    durable: true,
    arguments: Object.fromEntries(settings.filter(([, value]) => value !== undefined)),
  });
  await host.channel.bindQueue('stock', 'orders', 'order.created');
};

const sabotages: Record<string, { readonly by: () => Promise<unknown>; readonly found: RegExp }> = {
  'a queue without a dead-letter exchange': {
    by: () => stockWith({ 'x-dead-letter-exchange': undefined, 'x-dead-letter-strategy': undefined }),
    found: /queue "stock" has no dead-letter exchange: what expires, or is returned too often, is dropped/,
  },
  'a queue that dead-letters at most once': {
    by: () => stockWith({ 'x-dead-letter-strategy': undefined }),
    found: /queue "stock" dead-letters at-most-once/,
  },
  'a queue whose dead-letter exchange is not there': {
    by: () => stockWith({ 'x-dead-letter-exchange': 'nowhere' }),
    found: /queue "stock" dead-letters to "nowhere", which is not there/,
  },
  'a queue that drops its oldest message when it is full': {
    by: () =>
      stockWith({ 'x-overflow': undefined }).then(() => host.manage('DELETE', `policies/${host.name}/surehop-paced`)),
    found: /queue "stock" has overflow drop-head: when it is full it drops messages/,
  },
  'a policy that has a full queue drop messages': {
    by: () => policy('hurry', { overflow: 'drop-head' }),
    found: /queue "stock" has overflow drop-head \(policy "hurry"\).*change the policy "hurry"/,
  },
  'a delivery limit': {
    by: () => policy('strict', { 'delivery-limit': 3 }),
    found: /queue "stock" has a delivery limit of 3 \(policy "strict"\)/,
  },
  'an operator policy with a delivery limit': {
    by: () =>
      host.manage('PUT', `operator-policies/${host.name}/limits`, {
        pattern: '^points$',
        definition: { 'delivery-limit': 5 },
        priority: 1,
        'apply-to': 'queues',
      }),
    found: /queue "points" has a delivery limit of 5 \(operator policy "limits"\)/,
  },
  'messages that expire': {
    by: () => policy('fresh', { 'message-ttl': 60_000 }),
    found: /queue "stock" lets messages expire after 60000 ms \(policy "fresh"\)/,
  },
  'a queue that deletes itself': {
    by: () => policy('tidy', { expires: 60_000 }, '^points$'),
    found: /queue "points" deletes itself, and what it holds, when unused for 60000 ms \(policy "tidy"\)/,
  },
  'a policy that takes the place of ours': {
    by: () => policy('other', { 'max-length': 900_000 }),
    found:
      /queue "stock" follows the policy "other" \(priority 99\) instead of "surehop-paced" \(priority 10\); delete the policy "other"/,
  },
  'our policy deleted': {
    by: () => host.manage('DELETE', `policies/${host.name}/surehop-paced`),
    found: /queue "stock" does not follow the policy "surehop-paced".*; apply the topology/,
  },
  'a queue of another type': {
    by: () => stockWith({ 'x-dead-letter-strategy': undefined }, 'classic'),
    found: /queue "stock" is a classic queue, not a quorum queue/,
  },
  'a missing queue': { by: () => host.channel.deleteQueue('points'), found: /queue "points" is missing/ },
  'a missing binding': {
    by: () => host.channel.unbindQueue('dead-letters', 'dead-letters', ''),
    found: /binding dead-letters → dead-letters is missing: these messages do not reach the queue; apply the topology/,
  },
  'a missing exchange': { by: () => host.channel.deleteExchange('retry.2s'), found: /exchange "retry.2s" is missing/ },
  'an exchange that deletes itself': {
    by: async () => {
      await host.channel.deleteExchange('orders');
      await host.channel.assertExchange('orders', 'topic', { durable: true, autoDelete: true });
    },
    found: /exchange "orders" deletes itself with its last binding/,
  },
};

describe('verifying', () => {
  test('finds nothing in a broker that was just set up', async () => {
    expect(await findings()).toEqual([]);
    await expect(requireSafe(broker.api, topology)).resolves.toBeUndefined();
  });

  test.each(Object.keys(sabotages))('names %s', async (name) => {
    const { by, found } = sabotages[name]!;
    await by();
    expect(await findings()).toContainEqual(expect.stringMatching(found));
    await expect(requireSafe(broker.api, topology)).rejects.toThrow(/messages would be lost: /);
  });
});

describe('what verifying says of the broker is true:', () => {
  /** How many of a hundred messages the broker refused, and how many it holds. */
  async function publishedTo(queue: string): Promise<{ refused: number; held: number }> {
    const model = await connect(host.amqpUrl);
    const channel: ConfirmChannel = await model.createConfirmChannel();
    let refused = 0;
    for (let message = 0; message < 100; message += 1)
      await new Promise<void>((resolve) =>
        channel.sendToQueue(queue, Buffer.from('x'), { persistent: true }, (error) => {
          if (error) refused += 1;
          resolve();
        }),
      );
    const { messageCount: held } = await channel.checkQueue(queue);
    await model.close();
    return { refused, held };
  }

  test('a policy’s drop-head beats the queue’s own reject-publish, and loses messages that were confirmed', async () => {
    await policy('hurry', { overflow: 'drop-head', 'max-length': 5 });
    const { refused, held } = await publishedTo('stock');
    expect({ refused, held }).toEqual({ refused: 0, held: 5 });
  });

  test('our policy keeps one of lower priority away, and a full queue refuses what it cannot hold', async () => {
    await policy('hurry', { overflow: 'drop-head', 'max-length': 5 }, '^stock$', 1);
    expect(await findings()).toEqual([]);
    expect(await publishedTo('stock')).toEqual({ refused: 0, held: 100 });
  });
});
