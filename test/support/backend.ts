import { createTestTables } from './example/create-tables.ts';
import { queues as ofService } from '../../infra/topology.ts';
import { defineTopology } from '../../lib/rabbitmq/topology/define.ts';
import { queues as ofExample } from './example/topology.ts';
import { declareTopology } from '../../lib/rabbitmq/topology/declare.ts';
import type { Surehop } from '../../lib/runtime/surehop.ts';
import { anIssuer, type TestIssuer } from './as-client.ts';
import { aVirtualHost, type VirtualHost } from './broker.ts';

/** A virtual host of the broker and DynamoDB tables for one test file. */
export interface Backend {
  readonly host: VirtualHost;
  readonly issuer: TestIssuer;
  /**
   * Declares on the virtual host the queues of the reference service, and the queues of the tests' example domain,
   * which is a lending library.
   */
  declare(): Promise<void>;
  surehop(): Promise<Surehop>;
  remove(): Promise<void>;
}

export async function aBackend(settings: Record<string, string> = {}): Promise<Backend> {
  const host = await aVirtualHost();
  const tablePrefix = `${host.name}-`;
  await createTestTables(process.env.DYNAMODB_ENDPOINT!, tablePrefix);
  const before = { ...process.env };
  const issuer = await anIssuer();
  Object.assign(
    process.env,
    { AMQP_URL: host.amqpUrl, TABLE_PREFIX: tablePrefix, LOG_LEVEL: 'ERROR', POWERTOOLS_METRICS_DISABLED: 'true' },
    settings,
  );
  const surehop = async () => (await import('../../functions/surehop.ts')).surehop;
  return {
    host,
    issuer,
    declare: () => declareTopology(host.amqpUrl, defineTopology({ ...ofService, ...ofExample })),
    surehop,
    async remove() {
      const [{ publisher }, { store }] = await Promise.all([
        import('../../lib/rabbitmq/broker.ts'),
        import('../../lib/dynamodb/store.ts'),
      ]);
      await publisher(await surehop()).close();
      store(await surehop()).destroy();
      await issuer.stop();
      Object.assign(process.env, before);
      await host.remove();
    },
  };
}
