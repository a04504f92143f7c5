import { createTestTables } from './example/create-tables.ts';
import { tables as serviceTables } from '../../infra/tables.ts';
import { tables as exampleTables } from './example/tables.ts';
import { queues as ofService } from '../../infra/topology.ts';
import { defineTopology } from '../../lib/rabbitmq/topology/define.ts';
import { queues as ofExample } from './example/topology.ts';
import type { Topology } from '../../lib/rabbitmq/topology/topology.ts';
import { declareTopology } from '../../lib/rabbitmq/topology/declare.ts';
import type { Publisher } from '../../lib/events/publish.ts';
import type { AnyTable } from '../../lib/dynamodb/tables.ts';
import type { ConsumerDependencies } from '../../lib/consumer/dependencies.ts';
import type { Item } from '../../lib/dynamodb/effects.ts';
import { aVirtualHost, type VirtualHost } from './broker.ts';
import { dependenciesAt } from './consumer-dependencies.ts';

const tables: Readonly<Record<string, AnyTable>> = { ...serviceTables, ...exampleTables };

const topology = defineTopology({ ...ofService, ...ofExample });

/**
 * The queues of the reference service and of the tests' example domain, a lending library. The retry delays are ten
 * times shorter, so that the tests are fast.
 */
export const quickTopology: Topology = {
  ...topology,
  queues: topology.queues.map((queue) => {
    const delayMs = queue.arguments['x-message-ttl'];
    if (typeof delayMs !== 'number') return queue;
    return { ...queue, arguments: { ...queue.arguments, 'x-message-ttl': delayMs / 10 } };
  }),
};

/** A virtual host, DynamoDB tables with their own prefix, and the dependencies of a consumer that uses both. */
export interface ConsumerSetup {
  readonly host: VirtualHost;
  readonly endpoint: string;
  readonly tablePrefix: string;
  readonly publisher: Publisher;
  readonly dependencies: ConsumerDependencies;
  item(table: string, key: Record<string, string>): Promise<Item | undefined>;
  remove(): Promise<void>;
}

export async function aConsumerSetup(settings: Record<string, string> = {}, wanted = topology): Promise<ConsumerSetup> {
  const host = await aVirtualHost();
  const endpoint = process.env.DYNAMODB_ENDPOINT!;
  const tablePrefix = `${host.name}-`;
  await Promise.all([declareTopology(host.amqpUrl, wanted), createTestTables(endpoint, tablePrefix)]);
  const publisher = host.publisher();
  const dependencies = dependenciesAt(endpoint, tablePrefix, publisher, settings);
  return {
    host,
    endpoint,
    tablePrefix,
    publisher,
    dependencies,
    item: (table, key) => dependencies.read(tables[table]!, key),
    remove: () => host.remove(),
  };
}
