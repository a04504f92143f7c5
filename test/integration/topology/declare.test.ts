import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

import { topology } from '../../support/example/topology.ts';
import { declareTopology } from '../../../lib/rabbitmq/topology/declare.ts';
import { aVirtualHost, type VirtualHost } from '../../support/broker.ts';
import { eventually } from '../../support/eventually.ts';

let host: VirtualHost;
beforeEach(async () => {
  host = await aVirtualHost();
});
afterEach(() => host.remove());

const queue = async (name: string) =>
  (await host.manage('GET', `queues/${host.name}/${name}`)) as {
    type: string;
    durable: boolean;
    arguments: Record<string, unknown>;
  };

describe('declareTopology', () => {
  test('declaring the topology over AMQP creates every queue as a durable quorum queue that refuses messages when it is full', async () => {
    await declareTopology(host.amqpUrl, topology);
    for (const { name } of topology.queues)
      expect(await queue(name)).toMatchObject({
        type: 'quorum',
        durable: true,
        arguments: { 'x-overflow': 'reject-publish', 'x-max-length': 500_000 },
      });
  });

  test('declaring the topology over AMQP a second time changes nothing', async () => {
    await declareTopology(host.amqpUrl, topology);
    await declareTopology(host.amqpUrl, topology);
    expect(((await host.manage('GET', `queues/${host.name}`)) as unknown[]).length).toBe(topology.queues.length);
  });

  test('if the arguments of a queue on the broker differ from the declared ones, declaring the topology over AMQP fails, and the queue keeps its messages', async () => {
    await host.channel.assertQueue('loans', {
      durable: true,
      arguments: { 'x-queue-type': 'quorum', 'x-max-length': 7 },
    });
    host.channel.sendToQueue('loans', Buffer.from('kept'), { persistent: true });
    await expect(declareTopology(host.amqpUrl, topology)).rejects.toThrow(
      /queue "loans" has x-[a-z-]+ .*, declared is .*\. Immutable: drain and delete it, then apply again/,
    );
    const messages = await eventually('the message', async () => {
      const found = await host.drain('loans');
      return found.length > 0 && found;
    });
    expect(messages).toHaveLength(1);
  });

  test('after the topology is declared over AMQP, a message can be returned to its queue 30 times without being lost, whatever the version of the broker', async () => {
    await declareTopology(host.amqpUrl, topology);
    host.channel.sendToQueue('loans', Buffer.from('stubborn'), { persistent: true });
    for (let delivery = 0; delivery < 30; delivery += 1) {
      const message = await eventually('the message again', () => host.channel.get('loans'));
      if (delivery % 2) host.channel.nack(message, false, true);
      else host.channel.reject(message, true);
    }
    expect(await eventually('the message at last', () => host.channel.get('loans'))).toBeTruthy();
  });

  test('a delay queue that is declared over AMQP keeps each message for the delay and then moves it to the queue that its routing key names', async () => {
    await declareTopology(host.amqpUrl, topology);
    const sentAt = Date.now();
    host.channel.publish('retry.1s', 'notices', Buffer.from('again'), { persistent: true, messageId: 'm' });
    const message = await eventually('the message back', () => host.channel.get('notices', { noAck: true }));
    expect(Date.now() - sentAt).toBeGreaterThanOrEqual(1_000);
    expect(message).toMatchObject({ content: Buffer.from('again'), properties: { messageId: 'm' } });
  });

  test('after the topology is declared over AMQP, a message that expires in a work queue is moved to the dead-letter queue', async () => {
    await declareTopology(host.amqpUrl, topology);
    host.channel.sendToQueue('loans', Buffer.from('late'), { persistent: true, expiration: '10' });
    const message = await eventually('the dead letter', () => host.channel.get('dead-letters', { noAck: true }));
    expect(message).toMatchObject({
      properties: { headers: { 'x-first-death-queue': 'loans', 'x-first-death-reason': 'expired' } },
    });
  });
});
