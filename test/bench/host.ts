import { aVirtualHost, type VirtualHost } from '../support/broker.ts';

export async function aHostWith(queues: readonly string[]): Promise<VirtualHost> {
  const host = await aVirtualHost();
  for (const queue of queues)
    await host.channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
  return host;
}
