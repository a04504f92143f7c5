import { createSurehop, type Surehop } from 'surehop';
import type { Publisher } from 'surehop/events';
import { lazyPublisher } from 'surehop/rabbitmq';

import { LOCAL_AWS } from '../runtime/store/local-aws.ts';

/** Runs `work` with a publisher that is connected to the broker at `amqpUrl`, and closes the connection afterwards. */
export async function withPublisher<T>(
  amqpUrl: string,
  work: (publisher: Publisher, surehop: Surehop) => Promise<T>,
): Promise<T> {
  const surehop = createSurehop({ environment: { ...LOCAL_AWS, AMQP_URL: amqpUrl } });
  const publisher = lazyPublisher(surehop);
  try {
    return await work(publisher, surehop);
  } finally {
    await publisher.close();
  }
}
