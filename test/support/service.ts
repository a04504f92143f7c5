import { join } from 'node:path';

import { freePorts } from '../../infra/dev/runtime/ports.ts';
import { createTestTables } from './example/create-tables.ts';
import { startService } from '../../infra/dev/runtime/service.ts';
import { topology } from '../../infra/topology.ts';
import { declareTopology } from '../../lib/rabbitmq/topology/declare.ts';
import { aVirtualHost, type VirtualHost } from './broker.ts';
import { aCheckout } from './packages.ts';

/** The service with its HTTP server, which runs from a copy of the sources with its own virtual host and tables. */
export interface RunningService {
  readonly url: string;
  readonly host: VirtualHost;
  readonly logFile: string;
  readonly directory: string;
  /** Issues an operator's access token with the given scopes. */
  token(...scopes: string[]): Promise<string>;
  stop(): Promise<void>;
}

interface ServiceWishes {
  /**
   * The rate limit for HTTP requests, per second. The default is higher than the limit of the stage `dev`, so that
   * tests are not throttled.
   */
  readonly ratePerSecond?: number;
  readonly otlpEndpoint?: string;
  readonly change?: (directory: string) => void;
}

export async function aService({
  ratePerSecond = 1_000,
  otlpEndpoint,
  change,
}: ServiceWishes = {}): Promise<RunningService> {
  const host = await aVirtualHost();
  const endpoint = process.env.DYNAMODB_ENDPOINT!;
  const tablePrefix = `${host.name}-`;
  const checkout = aCheckout();
  change?.(checkout.directory);
  await Promise.all([declareTopology(host.amqpUrl, topology), createTestTables(endpoint, tablePrefix)]);
  const [httpPort] = await freePorts(1);
  const clear = async () => {
    await host.remove();
    checkout.remove();
  };
  process.env.HTTP_RATE_PER_SECOND = String(ratePerSecond);
  const service = await startService({
    httpPort: httpPort!,
    broker: { amqpUrl: host.amqpUrl, managementUrl: process.env.MANAGEMENT_URL! },
    store: { endpoint },
    tablePrefix,
    otlpEndpoint,
    serviceDirectory: checkout.directory,
    dataDirectory: join(checkout.directory, '.local'),
    watch: false,
    say: () => {},
    output: () => {},
  }).catch(async (error: unknown) => {
    await clear();
    throw error;
  });
  return {
    url: service.url,
    logFile: service.logFile,
    token: service.token,
    host,
    directory: checkout.directory,
    async stop() {
      await service.stop();
      await clear();
    },
  };
}
