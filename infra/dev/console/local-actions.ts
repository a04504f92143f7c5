import { randomUUID } from 'node:crypto';

import { queues, topology } from 'serverless-surehop/definitions';
import type { EventDefinition, MessageId } from 'surehop/events';
import { eventPublisher } from 'surehop/rabbitmq';
import * as z from 'zod';

import { routesOf } from '../client/routing.ts';
import { withPublisher } from '../client/with-publisher.ts';
import { reasonOf } from '../runtime/command-line.ts';
import type { Span } from '../traces/span.ts';
import { spansOf, spanTree } from '../traces/span-tree.ts';
import type { ConsoleServerOptions } from './console-server.ts';
import type { FailNext } from './fail-next.ts';
import { createLocalEvents, describeEvent } from './local-events.ts';
import { Refusal } from './refusal.ts';

const MAX_FAILURES = 1_000;

const toPublish = z.strictObject({
  type: z.string().min(1),
  version: z.int().min(1).optional(),
  body: z.unknown(),
  id: z.string().min(1).max(255).optional(),
});
const toPoison = z.strictObject({ queue: z.string() });
const toFail = z.strictObject({ queue: z.string(), count: z.int().min(0).max(MAX_FAILURES) });
const nothing = z.strictObject({});

/**
 * The actions of the console that exist only on the developer's machine. An action that is not possible throws a
 * `Refusal`.
 */
export function localActions({
  broker,
  traces,
  serviceDirectory,
  failNext,
}: ConsoleServerOptions & { readonly failNext: FailNext }) {
  const workQueues = Object.values(queues);
  const localEvents = createLocalEvents(serviceDirectory);

  function workQueue(name: string) {
    const queue = workQueues.find((one) => one.name === name);
    if (queue) return queue;
    throw new Refusal(
      404,
      `there is no work queue "${name}"; there are ${workQueues.map((one) => one.name).join(', ')}`,
    );
  }

  async function allEvents(): Promise<readonly EventDefinition<unknown>[]> {
    try {
      return await localEvents.read();
    } catch (error) {
      throw new Refusal(500, `the events of the service cannot be read: ${reasonOf(error)}`, { cause: error });
    }
  }

  const destinationsOf = ({ type, exchange }: Pick<EventDefinition<unknown>, 'type' | 'exchange'>) =>
    routesOf(topology, type).find((one) => one.exchange === exchange)?.destinations ?? [];

  async function publish({ type, version, body, id = randomUUID() }: z.infer<typeof toPublish>) {
    const events = await allEvents();
    const event = events.findLast((one) => one.type === type && (version ?? one.version) === one.version);
    if (!event)
      throw new Refusal(
        404,
        `no file events.ts defines the event ${type}${version === undefined ? '' : ` with the version ${version}`}; there are ${events.map((one) => one.type).join(', ')}`,
      );
    await confirmed(
      withPublisher(broker.amqpUrl, (publisher, surehop) =>
        // The body may be wrong on purpose, and the key of a wrong body cannot always be read.
        eventPublisher(surehop, publisher)({ ...event, key: undefined }, body, {
          id: id as MessageId,
          key: keyOf(event, body),
        }),
      ),
    );
    return { id, exchange: event.exchange, queues: destinationsOf(event) };
  }

  return {
    /** Returns the events of the service with their schemas and examples, and the work queues. */
    async events() {
      return {
        events: (await allEvents()).map((event) => ({ ...describeEvent(event), queues: destinationsOf(event) })),
        queues: workQueues.map(({ name }) => ({ name, failing: failNext.remaining(name) })),
      };
    },

    /**
     * Returns the spans that belong to a trace id, message id or order id, each span after its parent. The argument
     * `id` is URL-encoded.
     */
    async trace(id: string) {
      if (!traces) throw new Refusal(404, 'the functions export their spans to OTEL_EXPORTER_OTLP_ENDPOINT');
      const response = await fetch(`${traces.url}/traces/${id}`, { signal: AbortSignal.timeout(10_000) });
      const { spans } = (await response.json()) as { spans: Span[] };
      return { spans: spanTree(spansOf(decodeURIComponent(id), spans)).map(({ span, depth }) => ({ ...span, depth })) };
    },

    /** The actions with side effects, by the last segment of their route `POST /console/dev/…`. */
    posts: {
      publish: (body: unknown) => publish(valid(toPublish, body)),

      /** Publishes a message whose body is not JSON to a work queue. */
      async poison(body: unknown) {
        const { queue } = valid(toPoison, body);
        const [routingKey = queue] = workQueue(queue).shards;
        const messageId = randomUUID();
        const properties = { messageId, contentType: 'application/json', headers: {} };
        const message = { exchange: '', routingKey, body: Buffer.from('this is not JSON'), properties };
        await confirmed(withPublisher(broker.amqpUrl, (publisher) => publisher.publish(message)));
        return { id: messageId, queue };
      },

      /** Makes the next `count` attempts of a consumer fail before the business rule runs. */
      async 'fail-next'(body: unknown) {
        const { queue, count } = valid(toFail, body);
        failNext.set(workQueue(queue).name, count);
        return { queue, count };
      },

      /** Kills the broker, as a power cut would. `npm start` restarts the broker with the same data. */
      async 'kill-broker'(body: unknown) {
        valid(nothing, body);
        if (broker.isExternal)
          throw new Refusal(409, 'npm start did not start the broker at AMQP_URL, and therefore does not kill it');
        // `npm start` restarts a process that ends by itself. It does not restart a broker that its own code has killed.
        if (broker.pid === undefined) await broker.kill().then(() => broker.restart());
        else killGroup(broker.pid);
        return { killed: true };
      },
    },
  };
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    throw new Refusal(409, 'the broker is not running at the moment', { cause: error });
  }
}

function valid<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'the body'}: ${message}`);
  throw new Refusal(400, faults.join('; '));
}

function keyOf({ key }: EventDefinition<unknown>, body: unknown): string | undefined {
  try {
    return key?.(body);
  } catch {
    return undefined;
  }
}

/** Waits until the broker has confirmed the published message. */
async function confirmed(publishing: Promise<void>): Promise<void> {
  try {
    await publishing;
  } catch (error) {
    throw new Refusal(503, `the broker did not take the message: ${reasonOf(error)}`, { cause: error });
  }
}
