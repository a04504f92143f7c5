import { createTables } from '../../infra/dev/runtime/store/tables.ts';
import { tables } from '../../infra/tables.ts';
import { topology } from '../../infra/topology.ts';
import type { Topology } from '../../lib/rabbitmq/topology/topology.ts';
import { declareTopology } from '../../lib/rabbitmq/topology/declare.ts';
import type { Publisher } from '../../lib/events/publish.ts';
import type { AnyTable } from '../../lib/dynamodb/tables.ts';
import type { ConsumerParts } from '../../lib/consumer/parts.ts';
import type { Item } from '../../lib/dynamodb/effects.ts';
import { aVirtualHost, type VirtualHost } from './broker.ts';
import { dependenciesAt } from './consumer-dependencies.ts';

/**
 * The topology of the service, but with delays that are ten times shorter, so that tests of retried messages are fast.
 */
export const quickTopology: Topology = {
  ...topology,
  queues: topology.queues.map((queue) => {
    const delayMs = queue.arguments['x-message-ttl'];
    if (typeof delayMs !== 'number') return queue;
    return { ...queue, arguments: { ...queue.arguments, 'x-message-ttl': delayMs / 10 } };
  }),
};

/**
 * A virtual host with the service's topology, DynamoDB tables with their own prefix, and the dependencies of a consumer
 * that uses the virtual host and the tables.
 */
export interface ConsumerSetup {
  readonly host: VirtualHost;
  readonly endpoint: string;
  readonly tablePrefix: string;
  readonly publisher: Publisher;
  readonly parts: ConsumerParts;
  item(table: keyof typeof tables, key: Record<string, string>): Promise<Item | undefined>;
  remove(): Promise<void>;
}

export async function aConsumerSetup(settings: Record<string, string> = {}, wanted = topology): Promise<ConsumerSetup> {
  const host = await aVirtualHost();
  const endpoint = process.env.DYNAMODB_ENDPOINT!;
  const tablePrefix = `${host.name}-`;
  await Promise.all([declareTopology(host.amqpUrl, wanted), createTables({ endpoint, prefix: tablePrefix })]);
  const publisher = host.publisher();
  const parts = dependenciesAt(endpoint, tablePrefix, publisher, settings);
  return {
    host,
    endpoint,
    tablePrefix,
    publisher,
    parts,
    item: (table, key) => parts.read(tables[table] as AnyTable, key),
    remove: () => host.remove(),
  };
}
