import { join } from 'node:path';
import { topology } from 'serverless-surehop/definitions';

import { startBroker, type Broker } from './broker/broker.ts';
import { Problem, type Say } from './command-line.ts';
import { keepRunning } from './keep-running.ts';
import { prepareBroker } from './broker/prepare.ts';
import type { Settings } from './settings.ts';
import { startStore, type Store } from './store/store.ts';
import { createTables, localTablePrefix } from './store/tables.ts';
import { watchExternal } from './watch-external.ts';
import { startService, type Service } from './service.ts';
import { withProgress } from './progress.ts';
import { startConsoleServer } from '../console/console-server.ts';
import { rootDirectory } from './directories.ts';
import { startTraceReceiver, type TraceReceiver } from '../traces/receiver.ts';

/** The development environment: a running broker, a running DynamoDB and the running service. */
export interface DevEnvironment {
  readonly broker: Broker;
  readonly store: Store;
  readonly service: Service;
  /** The prefix of the names of all DynamoDB tables. */
  readonly tablePrefix: string;
  /**
   * The receiver of the spans that the functions export. Absent if OTEL_EXPORTER_OTLP_ENDPOINT names another receiver.
   */
  readonly traces: TraceReceiver | undefined;
  /** Resolves with the reason when the broker, DynamoDB or the service has ended and cannot be restarted. */
  readonly failed: Promise<string>;
  /** Waits until the current batch is processed, and then stops the service, DynamoDB and the broker. */
  readonly stop: () => Promise<void>;
}

export interface DevEnvironmentOptions {
  readonly settings: Settings;
  readonly dataDirectory: string;
  readonly keepData: boolean;
  /** Whether functions are rebuilt when their source files change. */
  readonly watch: boolean;
  readonly say: Say;
  /** Receives each line of the service's log, formatted for people. */
  readonly output: Say;
}

/**
 * Starts the broker and DynamoDB, applies the topology, creates the tables, and starts the service. If a step fails, stops
 * everything that has started.
 */
export async function startDevEnvironment({
  settings,
  dataDirectory,
  keepData,
  watch,
  say,
  output,
}: DevEnvironmentOptions): Promise<DevEnvironment> {
  const stoppable: { stop: () => Promise<void> }[] = [];
  let fail: (reason: string) => void = () => {};
  const failed = new Promise<string>((resolve) => (fail = resolve));
  const stopKeeping: (() => void)[] = [];
  const keep = (name: string, server: Broker | Store, address: string) =>
    stopKeeping.push(
      server.isExternal ? watchExternal(address, { name, say }) : keepRunning(server, { name, say, giveUp: fail }),
    );
  const stop = async () => {
    for (const end of stopKeeping.splice(0)) end();
    for (const one of stoppable.splice(0)) await one.stop();
  };
  const started = async <T extends { stop: () => Promise<void> }>(starting: Promise<T>): Promise<T> => {
    const value = await starting;
    stoppable.unshift(value); // stopped in reverse order
    return value;
  };
  try {
    const [brokerStart, storeStart] = await Promise.allSettled([
      started(
        withProgress(
          'RabbitMQ',
          startBroker({ dataDirectory: join(dataDirectory, 'rabbitmq'), keepData, say }, settings),
          say,
        ),
      ),
      started(
        withProgress(
          'DynamoDB',
          startStore({ dataDirectory: join(dataDirectory, 'dynamodb'), keepData, say }, settings),
          say,
        ),
      ),
    ]);
    if (brokerStart.status === 'rejected') throw brokerStart.reason;
    if (storeStart.status === 'rejected') throw storeStart.reason;
    const broker = brokerStart.value;
    const store = storeStart.value;
    keep('RabbitMQ', broker, broker.amqpUrl);
    keep('DynamoDB', store, store.endpoint);
    say(`the service uses ${broker.describe} and ${store.describe}`);
    const tablePrefix = localTablePrefix(settings.tablePrefix);
    const preparing = Promise.all([
      prepareBroker(broker, say, { wanted: topology }),
      createTables({ endpoint: store.endpoint, prefix: tablePrefix }),
    ]);
    await withProgress('the topology and the tables', preparing, say);
    say('applied the topology to the broker, and created the DynamoDB tables');
    const { httpPort } = settings;
    const traces = settings.otlpEndpoint === undefined ? await started(startTraceReceiver()) : undefined;
    const otlpEndpoint = settings.otlpEndpoint ?? traces?.url;
    const consoleServer = await started(
      startConsoleServer({ broker, traces, dataDirectory, serviceDirectory: rootDirectory }),
    );
    const service = await Promise.race([
      started(
        withProgress(
          'the functions and their event sources',
          startService({
            httpPort,
            broker,
            store,
            tablePrefix,
            otlpEndpoint,
            console: consoleServer,
            dataDirectory,
            watch,
            say,
            output,
          }),
          say,
        ),
      ),
      failed.then((reason) => {
        throw new Problem(reason);
      }),
    ]);
    service.onDeath((how) => fail(`the service ended unexpectedly (${how}); run npm start again, the data is kept`));
    return { broker, store, service, tablePrefix, traces, failed, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
