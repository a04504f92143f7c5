import { createConnection } from '../../lib/rabbitmq/connection.ts';
import { createPublisher } from '../../lib/rabbitmq/publisher.ts';
import { systemClock } from '../../lib/runtime/clock.ts';
import { createConsumer } from '../../lib/consumer/consumer.ts';
import { on } from '../../lib/message/rule.ts';
import { defineEvent } from '../../lib/events/define.ts';
import { dependenciesAt } from './consumer-dependencies.ts';
import { scriptedEvent, scriptedConsumer } from './scripted-consumer.ts';

/** The ways in which the consumer crashes or blocks its process. The ISBN in a message selects one of them. */
const ends: Record<string, () => void> = {
  exit: () => process.exit(1),
  memory: () => {
    const hoard: number[][] = [];
    for (;;) hoard.push(Array.from(new Float64Array(1_000_000)));
  },
  // Like an endless loop, this call never returns, but it needs no CPU time.
  loop: () => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0),
  rejection: () => void Promise.reject(new Error('unhandled rejection on purpose')),
};

const { AMQP_URL, DYNAMODB_ENDPOINT, TABLE_PREFIX, STARTED_AT } = process.env;

/** A clock that runs ten times as fast as the real clock. */
const clock = { now: () => Number(STARTED_AT) + 10 * (Date.now() - Number(STARTED_AT)) };

const connection = createConnection({
  url: async () => AMQP_URL!,
  heartbeatSeconds: 10,
  clock: systemClock,
  name: 'fatal',
});

const performedEvent = defineEvent({ ...scriptedEvent, type: 'test.performed' });

/**
 * A consumer whose process crashes or hangs when a message contains the ISBN `exit`, `memory`, `loop` or `rejection`.
 */
export const handler = createConsumer(
  {
    queue: scriptedConsumer.queue,
    rules: [
      on(scriptedEvent, async (event, context) => {
        ends[event.isbn]?.();
        // Node reports an unhandled rejection only after the current turn of the event loop.
        await new Promise((resolve) => setTimeout(resolve, 5));
        return scriptedConsumer.decide(event, context);
      }),
      on(performedEvent, {
        perform: async (event, context) => {
          ends[event.isbn]?.();
          return scriptedConsumer.decide(event, context);
        },
      }),
    ],
  },
  dependenciesAt(DYNAMODB_ENDPOINT!, TABLE_PREFIX!, createPublisher(connection, systemClock, 5_000), {}, clock),
);
