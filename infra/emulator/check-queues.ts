import { useConnection } from '../../lib/rabbitmq/open-connection.ts';
import { brokerName, connectTo } from './session.ts';

/** A queue that a function of the service consumes. */
export interface RequiredQueue {
  functionKey: string;
  queue: string;
  virtualHost: string;
}

/** Throws one clear line when the broker cannot be reached or lacks a queue. */
export async function checkQueues(url: string, required: RequiredQueue[]): Promise<void> {
  for (const virtualHost of new Set(required.map((one) => one.virtualHost))) {
    const connection = await connectTo(url, virtualHost).catch((error: Error) => {
      // The broker closes instead of opening a virtual host that it has not, or that the user may not enter.
      if (error.message.startsWith('Expected ConnectionOpenOk')) {
        throw new Error(
          `No virtual host "${virtualHost}" for this user at ${brokerName(url)}: ` +
            'create it and grant it to the user, or correct the functions\' "rabbitmq" events.',
        );
      }
      throw new Error(
        `No RabbitMQ at ${brokerName(url)}, virtual host "${virtualHost}" (${error.message || 'no answer'}): ` +
          'start one, or set AMQP_URL or custom.rabbitmqEventSource.url to the one to use.',
      );
    });
    await useConnection(connection, async () => {
      for (const { functionKey, queue } of required.filter((one) => one.virtualHost === virtualHost)) {
        const channel = await connection.createChannel();
        channel.on('error', () => {});
        await channel.checkQueue(queue).catch((error: Error & { code?: number }) => {
          throw new Error(
            error.code === 404
              ? `No queue "${queue}" in virtual host "${virtualHost}" of ${brokerName(url)}, which function "${functionKey}" consumes: ` +
                  'declare it before starting, or correct the function\'s "rabbitmq" event.'
              : `Queue "${queue}", which function "${functionKey}" consumes, cannot be read: ${error.message}`,
          );
        });
        await channel.close();
      }
    });
  }
}
