// A process that processes one batch and kills itself with SIGKILL right before or right after one of the steps.
// Arguments: the step, `before` or `after`, and JSON with the batch and the addresses of broker and store.
import { createConnection } from '../../lib/rabbitmq/connection.ts';
import { createPublisher } from '../../lib/rabbitmq/publisher.ts';
import { systemClock } from '../../lib/runtime/clock.ts';
import { createConsumer } from '../../lib/consumer/consumer.ts';
import type { ConsumerDependencies } from '../../lib/consumer/dependencies.ts';
import { anInvocation } from './delivery.ts';
import { dependenciesAt } from './consumer-dependencies.ts';
import { scriptedConsumer } from './scripted-consumer.ts';

const [step, side, input] = process.argv.slice(2) as [string, 'before' | 'after', string];
const { event, amqpUrl, endpoint, tablePrefix } = JSON.parse(input);

const calls = new Map<string, number>();

/**
 * Wraps the function `run`, so that the process kills itself before or after the n-th call of `run`, for example the
 * second call.
 */
const crashing = <A extends unknown[], R>(name: string, run: (...args: A) => Promise<R>) => {
  return async (...args: A): Promise<R> => {
    const call = (calls.get(name) ?? 0) + 1;
    calls.set(name, call);
    const isHere = step === (call > 1 ? `${name} ${call}` : name);
    if (isHere && side === 'before') process.kill(process.pid, 'SIGKILL');
    const result = await run(...args);
    if (isHere && side === 'after') process.kill(process.pid, 'SIGKILL');
    return result;
  };
};

const connection = createConnection({
  url: async () => amqpUrl,
  heartbeatSeconds: 10,
  clock: systemClock,
  name: 'crashing',
});
const publisher = createPublisher(connection, systemClock, 5_000);
const dependencies = dependenciesAt(endpoint, tablePrefix, publisher);
const crashingDependencies: ConsumerDependencies = {
  ...dependencies,
  inbox: {
    ...dependencies.inbox,
    find: crashing('find', dependencies.inbox.find),
    commit: crashing('commit', dependencies.inbox.commit),
    recordHandoffs: crashing('note', dependencies.inbox.recordHandoffs),
  },
  publisher: { ...publisher, publishAll: crashing('publish', publisher.publishAll) },
};
const decide = crashing('decide', async (...args: Parameters<typeof scriptedConsumer.decide>) =>
  scriptedConsumer.decide(...args),
);

await createConsumer({ ...scriptedConsumer, decide }, crashingDependencies)(event, anInvocation());
await publisher.close();
process.exit(0);
