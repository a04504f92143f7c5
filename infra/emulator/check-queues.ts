import { useConnection } from 'surehop/amqp';

import { brokerName, connectTo } from './session.ts';

/** A queue that must exist before the emulator starts, because a function consumes the queue. */
export interface RequiredQueue {
  functionKey: string;
  queue: string;
  virtualHost: string;
}

/** Throws an error if the broker cannot be reached or if a required queue does not exist. */
export async function checkQueues(url: string, required: RequiredQueue[]): Promise<void> {
  for (const virtualHost of new Set(required.map((one) => one.virtualHost))) {
    const connection = await connectTo(url, virtualHost).catch((error: Error) => {
      // RabbitMQ closes the connection if the virtual host does not exist or if the user may not access it.
      if (error.message.startsWith('Expected ConnectionOpenOk')) {
        throw new Error(
          `No virtual host "${virtualHost}" for this user at ${brokerName(url)}: create the virtual host and give the user access, or correct the "rabbitmq" events of the functions.`,
        );
      }
      const reason = error.message || 'no answer';
      throw new Error(
        `No RabbitMQ at ${brokerName(url)}, virtual host "${virtualHost}" (${reason}): start RabbitMQ, or set AMQP_URL or custom.rabbitmqEventSource.url to a running broker.`,
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
                  'declare the queue before starting, or correct the "rabbitmq" event of the function.'
              : `Queue "${queue}", which function "${functionKey}" consumes, cannot be read: ${error.message}`,
          );
        });
        await channel.close();
      }
    });
  }
}
