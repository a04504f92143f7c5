import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { ConfirmChannel } from 'amqplib';
import { connect } from 'amqplib';

import { reach } from '../../../infra/dev/runtime/broker/prepare.ts';
import { topology } from '../../support/example/topology.ts';
import type { BrokerAccess } from '../../../lib/rabbitmq/management/management-api.ts';
import { applyTopology, readDiff, requireSafe } from '../../../lib/rabbitmq/topology/apply.ts';
import { faultLine } from '../../../lib/rabbitmq/topology/describe.ts';
import { aVirtualHost, type VirtualHost } from '../../support/broker.ts';

let host: VirtualHost;
let broker: BrokerAccess;
beforeEach(async () => {
  host = await aVirtualHost();
  broker = reach(host.amqpUrl, process.env['MANAGEMENT_URL']);
  await applyTopology(broker, topology);
});
afterEach(() => host.remove());

const faults = async () =>
  (await readDiff(broker, topology)).filter(({ losesMessages }) => losesMessages).map(faultLine);

const policy = (name: string, definition: Record<string, unknown>, pattern = '^loans$', priority = 99) =>
  host.manage('PUT', `policies/${host.name}/${name}`, { pattern, definition, priority, 'apply-to': 'queues' });

const loansArguments = topology.queues.find(({ name }) => name === 'loans')!.arguments;

const loansWith = async (changes: Record<string, unknown>, type = 'quorum') => {
  await host.channel.deleteQueue('loans');
  const settings = Object.entries({ ...loansArguments, 'x-queue-type': type, ...changes });
  await host.channel.assertQueue('loans', {
    durable: true,
    arguments: Object.fromEntries(settings.filter(([, value]) => value !== undefined)),
  });
  await host.channel.bindQueue('loans', 'library', 'loan.created');
};

const sabotages: Record<string, { readonly by: () => Promise<unknown>; readonly found: RegExp }> = {
  'a queue without a dead-letter exchange': {
    by: () => loansWith({ 'x-dead-letter-exchange': undefined, 'x-dead-letter-strategy': undefined }),
    found:
      /queue "loans" has x-dead-letter-exchange not set, .*: a message that expires or is returned too often is dropped/,
  },
  'a queue that dead-letters at most once': {
    by: () => loansWith({ 'x-dead-letter-strategy': undefined }),
    found: /queue "loans" has x-dead-letter-strategy not set, declared is at-least-once: a dead letter is dropped if/,
  },
  'a queue whose dead-letter exchange is not there': {
    by: () => loansWith({ 'x-dead-letter-exchange': 'nowhere' }),
    found: /queue "loans" has x-dead-letter-exchange nowhere, .*: this exchange does not exist/,
  },
  'a queue that drops its oldest message when it is full': {
    by: () =>
      loansWith({ 'x-overflow': undefined }).then(() => host.manage('DELETE', `policies/${host.name}/surehop-paced`)),
    found: /queue "loans" has x-overflow not set, declared is reject-publish: a full queue drops messages/,
  },
  'a policy that has a full queue drop messages': {
    by: () => policy('hurry', { overflow: 'drop-head' }),
    found:
      /queue "loans" has overflow drop-head \(policy "hurry"\): a full queue drops messages\. Change the policy "hurry"/,
  },
  'a delivery limit': {
    by: () => policy('strict', { 'delivery-limit': 3 }),
    found: /queue "loans" has a delivery limit of 3 \(policy "strict"\)/,
  },
  'an operator policy with a delivery limit': {
    by: () =>
      host.manage('PUT', `operator-policies/${host.name}/limits`, {
        pattern: '^notices$',
        definition: { 'delivery-limit': 5 },
        priority: 1,
        'apply-to': 'queues',
      }),
    found: /queue "notices" has a delivery limit of 5 \(operator policy "limits"\)/,
  },
  'a policy that lets messages expire': {
    by: () => policy('fresh', { 'message-ttl': 60_000 }),
    found: /queue "loans" has a message TTL of 60000 ms \(policy "fresh"\): messages expire too early/,
  },
  'a policy that deletes an unused queue': {
    by: () => policy('tidy', { expires: 60_000 }, '^notices$'),
    found: /queue "notices" expires after 60000 ms \(policy "tidy"\): an unused queue is deleted with its messages/,
  },
  'a foreign policy in place of the declared one': {
    by: () => policy('other', { 'max-length': 900_000 }),
    found:
      /queue "loans" follows the policy "other" \(priority 99\) instead of "surehop-paced" \(priority 10\)\. Delete the policy "other"/,
  },
  'a declared policy that was deleted': {
    by: () => host.manage('DELETE', `policies/${host.name}/surehop-paced`),
    found: /policy "surehop-paced" is missing: any other policy may change .*\. Apply the topology/,
  },
  'a queue of another type': {
    by: () => loansWith({ 'x-dead-letter-strategy': undefined }, 'classic'),
    found: /queue "loans" is a classic queue, not a quorum queue/,
  },
  'a missing queue': { by: () => host.channel.deleteQueue('notices'), found: /queue "notices" is missing/ },
  'a missing binding': {
    by: () => host.channel.unbindQueue('dead-letters', 'dead-letters', ''),
    found: /binding dead-letters → dead-letters is missing: its messages do not reach the queue\. Apply the topology/,
  },
  'a missing exchange': { by: () => host.channel.deleteExchange('retry.2s'), found: /exchange "retry.2s" is missing/ },
  'an exchange that deletes itself': {
    by: async () => {
      await host.channel.deleteExchange('library');
      await host.channel.assertExchange('library', 'topic', { durable: true, autoDelete: true });
    },
    found: /exchange "library" is deleted together with its last binding/,
  },
};

describe('verify', () => {
  test('after the topology is applied, the verification finds no broker setting that can lose messages', async () => {
    expect(await faults()).toEqual([]);
    await expect(requireSafe(broker, topology)).resolves.toBeUndefined();
  });

  test.each(Object.keys(sabotages))('verifying the broker reports %s, because messages could be lost', async (name) => {
    const { by, found } = sabotages[name]!;
    await by();
    expect(await faults()).toContainEqual(expect.stringMatching(found));
    await expect(requireSafe(broker, topology)).rejects.toThrow(
      /messages could be lost, because the broker differs from the topology: /,
    );
  });
});

describe('effect of policies', () => {
  /** Publishes a hundred messages. Returns how many of them the broker refused, and how many are in the queue. */
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

  test('a policy with the overflow setting drop-head takes precedence over the queue argument reject-publish, and RabbitMQ then drops confirmed messages', async () => {
    await policy('hurry', { overflow: 'drop-head', 'max-length': 5 });
    const { refused, held } = await publishedTo('loans');
    expect({ refused, held }).toEqual({ refused: 0, held: 5 });
  });

  test('an undeclared policy has no effect on a queue if the policy has a lower priority than the declared policy', async () => {
    await policy('hurry', { overflow: 'drop-head', 'max-length': 5 }, '^loans$', 1);
    expect(await faults()).toEqual([]);
    expect(await publishedTo('loans')).toEqual({ refused: 0, held: 100 });
  });
});
