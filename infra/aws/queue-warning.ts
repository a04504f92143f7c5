import { deadLetterQueue, queues } from '../topology.ts';
import { queueNameOf } from './service/event-sources.ts';
import type { FunctionDefinition } from './serverless.ts';

/** Returns a warning for each queue in infra/topology.ts whose messages no function in serverless.yml processes. */
export function queueWarnings(
  functions: Readonly<Record<string, Pick<FunctionDefinition, 'events'>>>,
  names: readonly string[] = [...Object.keys(queues), deadLetterQueue],
): string[] {
  const consumed = new Set(
    Object.values(functions).flatMap(({ events }) =>
      events.flatMap(({ rabbitmq }) => (rabbitmq ? [queueNameOf(rabbitmq.queue)] : [])),
    ),
  );
  return names
    .filter((name) => !consumed.has(name))
    .map((name) => `no function in serverless.yml consumes the queue ${name} (events: \${consumes:${name}})`);
}
