import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resourcesOf } from 'serverless-surehop/tables';
import { createSurehop, type Surehop } from 'surehop';
import { withConnection } from 'surehop/amqp';
import type { PublishEvent } from 'surehop/events';
import type { HttpHandler } from 'surehop/http';
import { eventPublisher, lazyPublisher } from 'surehop/rabbitmq';
import { toolkitTables, type Table } from 'surehop/tables';
import { defineTopology, type WorkQueue } from 'surehop/topology';
import { applyTopology } from 'surehop/topology/changes';

import { startBroker } from '../runtime/broker/broker.ts';
import { sayAside } from '../runtime/command-line.ts';
import { withProgress } from '../runtime/progress.ts';
import { readSettings } from '../runtime/settings.ts';
import { createTables, deleteTables } from '../runtime/store/create-tables.ts';
import { localTables } from '../runtime/store/local-tables.ts';
import { LOCAL_AWS } from '../runtime/store/local-aws.ts';
import { startStore } from '../runtime/store/store.ts';
import { deliver, type ConsumerHandler, type DeliveryOptions } from './deliver.ts';
import { sendSigned, type Response, type SignedRequest } from './request.ts';
import { createVirtualHost } from './virtual-host.ts';

export type { ConsumerHandler, DeliveryOptions, Response, SignedRequest };

export interface WorkshopOptions {
  /**
   * The work queues to declare on the test broker, with their exchanges, delay queues and policies. Without `queues`, no
   * broker is started.
   */
  readonly queues?: Readonly<Record<string, WorkQueue>>;
  /** The tables of the service, which are created together with the toolkit's own tables. */
  readonly tables?: Readonly<Record<string, Table<any, any>>>;
  /** Settings of the toolkit and of the service, in addition to the addresses of the broker and DynamoDB. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** A real broker and a real DynamoDB for the integration tests of a service. */
export interface Workshop {
  /** The toolkit, configured with the broker and the DynamoDB of the integration test. */
  readonly surehop: Surehop;
  /** The environment variables with which a function uses the broker and the DynamoDB of the integration test. */
  readonly environment: Readonly<Record<string, string>>;
  readonly publish: PublishEvent;
  /**
   * Invokes a function with the messages that wait in a queue, as Lambda's event source does. If the function returns, the messages
   * are acknowledged. If the function throws, the messages return to their queue, and the error is thrown.
   */
  deliver<Result>(
    handler: ConsumerHandler<Result>,
    queue: WorkQueue | string,
    options?: DeliveryOptions,
  ): Promise<Result>;
  /** Invokes an HTTP function with a signed request, as API Gateway does. */
  request(handler: HttpHandler, request: SignedRequest): Promise<Response>;
  /** Returns how many messages are ready in a queue. */
  waiting(queue: string): Promise<number>;
  /** Deletes the virtual host and the tables, and stops the broker and DynamoDB if `workshop` has started them. */
  close(): Promise<void>;
}

/**
 * Creates a RabbitMQ virtual host with the queues, and the DynamoDB tables, for an integration test. Uses the broker at
 * AMQP_URL and the DynamoDB at DYNAMODB_ENDPOINT, or starts its own. Tests that share a broker do not affect each other.
 */
export async function workshop({ queues, tables = {}, settings = {} }: WorkshopOptions): Promise<Workshop> {
  const directory = mkdtempSync(join(tmpdir(), 'surehop-workshop-'));
  const undo: (() => unknown)[] = [() => rmSync(directory, { recursive: true, force: true })];
  const close = async (): Promise<void> => {
    const step = undo.pop();
    if (step === undefined) return;
    try {
      await step();
    } finally {
      await close();
    }
  };
  // README.md says which versions of Node the AWS SDK supports. Every test file would repeat the warning of the SDK.
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';
  try {
    const given = readSettings(process.env, directory);
    const options = { keepData: false, say: sayAside };
    const broker =
      queues &&
      (await withProgress(
        'RabbitMQ',
        startBroker({ ...options, dataDirectory: join(directory, 'rabbitmq') }, given),
        sayAside,
      ));
    if (broker) undo.push(() => broker.stop());
    const store = await withProgress(
      'DynamoDB',
      startStore({ ...options, dataDirectory: join(directory, 'dynamodb') }, given),
      sayAside,
    );
    undo.push(() => store.stop());

    const host = broker && (await createVirtualHost(broker));
    if (host) undo.push(() => host.remove());
    if (host) await applyTopology(host, defineTopology(queues));
    const prefix = `${host?.name ?? `workshop-${randomUUID()}`}-`;
    const { endpoint } = store;
    const definitions = [...toolkitTables, ...Object.values(tables)];
    const created = await createTables({ endpoint, tables: localTables(resourcesOf(definitions, prefix)) });
    undo.push(() => deleteTables(endpoint, created));

    // The AWS SDK reads the region and the credentials from the environment of the process.
    for (const [name, value] of Object.entries(LOCAL_AWS)) process.env[name] ??= value;
    const environment = {
      ...LOCAL_AWS,
      // The output of a test is easier to read without the metrics and without a line for each message.
      LOG_LEVEL: 'WARN',
      POWERTOOLS_METRICS_DISABLED: 'true',
      ...settings,
      ...(host && { AMQP_URL: host.amqpUrl, MANAGEMENT_URL: broker.managementUrl }),
      DYNAMODB_ENDPOINT: endpoint,
      TABLE_PREFIX: prefix,
      DEPLOYED_TABLES: created.map((name) => name.slice(prefix.length)).join(','),
    };
    const requireHost = () => {
      if (host) return host;
      throw new Error(
        'workshop() was called without queues and therefore started no broker: pass the queues of the service to workshop()',
      );
    };
    const publisher = lazyPublisher(createSurehop({ environment }));
    if (host) undo.push(() => publisher.close());
    const surehop = createSurehop({ environment, clients: { publisher } });
    return {
      surehop,
      environment,
      publish: eventPublisher(surehop, publisher),
      deliver: (handler, queue, delivery) =>
        deliver(
          { amqpUrl: requireHost().amqpUrl, virtualHost: requireHost().name },
          handler,
          typeof queue === 'string' ? queue : queue.name,
          delivery,
        ),
      request: (handler, request) => sendSigned(environment, handler, request),
      waiting: (queue) =>
        withConnection(requireHost().amqpUrl, async (connection) => {
          const channel = await connection.createChannel();
          return (await channel.checkQueue(queue)).messageCount;
        }),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
