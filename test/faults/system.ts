import { randomUUID } from 'node:crypto';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { startBroker, type Broker } from '../../infra/dev/runtime/broker/broker.ts';
import type { Say } from '../../infra/dev/runtime/command-line.ts';
import { localDirectory } from '../../infra/dev/runtime/directories.ts';
import { freePorts } from '../../infra/dev/runtime/ports.ts';
import { readSettings } from '../../infra/dev/runtime/settings.ts';
import { startStore, type Store } from '../../infra/dev/runtime/store/store.ts';
import { createTables } from '../../infra/dev/runtime/store/tables.ts';
import { startService, type Service } from '../../infra/dev/runtime/service.ts';
import { declareTopology } from '../../lib/rabbitmq/topology/declare.ts';
import { faultsTopology } from './accounts.ts';
import { startBrokerProxy, type BrokerProxy, type Upstream } from './broker-proxy.ts';
import { KILLS_FILE, SABOTAGE_FILE, SPANS_FILE, unharmed, type Sabotage } from './functions/sabotage.ts';
import { createManagement, VHOST, type Management } from './management.ts';
import { writeProject } from './project.ts';
import { startSpanCollector, type SpanCollector } from './spans.ts';
import { startStoreProxy, type StoreProxy } from './store-proxy.ts';

export const TABLE_PREFIX = 'faults-';

/** The running test system: the service, a broker, a DynamoDB emulator, and proxies between them that inject faults. */
export interface System {
  readonly broker: Broker;
  readonly store: Store;
  readonly url: string;
  readonly logFile: string;
  /** The proxy between the functions that publish messages and the broker. */
  readonly publishing: BrokerProxy;
  /** The proxy between the emulated event sources and the broker. */
  readonly consuming: BrokerProxy;
  readonly storeProxy: StoreProxy;
  readonly management: Management;
  /**
   * The AMQP URI with which the fault tests themselves connect to the broker. These connections have no injected
   * faults.
   */
  readonly operatorUrl: string;
  readonly brokerAddress: Upstream;
  /** Changes the faults that are injected into the functions. A property that is not given keeps its value. */
  sabotage(wanted: Partial<Sabotage>): void;
  sabotaged(): Sabotage;
  readonly killsFile: string;
  /** The receiver of the functions' spans; absent if the functions export no spans. */
  readonly spans: SpanCollector | undefined;
  service(): Service;
  /**
   * Kills all functions and event sources with SIGKILL. Restarts them with `environments` Lambda execution environments
   * per unordered queue.
   */
  restartService(environments?: number): Promise<void>;
  environments(): number;
  stop(): Promise<void>;
}

export async function startSystem({
  directory,
  broker: givenBroker,
  upstreams,
  managementUrls,
  hasTraces = false,
  httpPort: givenHttpPort,
  say,
}: {
  directory: string;
  /** Whether the functions export their spans to the test system. */
  hasTraces?: boolean;
  /** The port of the service's HTTP server; by default a free port. */
  httpPort?: number;
  /**
   * The running broker that the test system uses. By default, the test system starts its own broker in the same way as
   * `npm start`.
   */
  broker?: Broker;
  /** The hosts and ports of the broker's nodes, if `broker` is a cluster. */
  upstreams?: readonly Upstream[];
  managementUrls?: readonly string[];
  say: Say;
}): Promise<System> {
  const parts: { stop(): Promise<void> }[] = [];
  const stop = async () => {
    for (const part of parts.splice(0)) await part.stop();
  };
  const keep = <T>(part: T, stopPart: () => Promise<void>): T => {
    parts.unshift({ stop: stopPart });
    return part;
  };
  try {
    // The run ignores AMQP_URL and DYNAMODB_ENDPOINT, because it needs an empty broker and store that it can kill.
    const settings = {
      ...readSettings(process.env, localDirectory),
      amqpUrl: undefined,
      managementUrl: undefined,
      dynamodbEndpoint: undefined,
    };
    const options = (name: string) => ({ dataDirectory: join(directory, name), keepData: true, say });
    const broker = givenBroker ?? (await startBroker(options('rabbitmq'), settings));
    keep(broker, () => broker.kill());
    const store = await startStore(options('dynamodb'), settings);
    keep(store, () => store.kill());
    await Promise.all([
      declareTopology(broker.amqpUrl, faultsTopology),
      createTables({ endpoint: store.endpoint, prefix: TABLE_PREFIX }),
    ]);
    const nodes = upstreams ?? [{ host: '127.0.0.1', port: Number(new URL(broker.amqpUrl).port) }];
    const publishing = await startBrokerProxy(nodes);
    keep(publishing, publishing.close);
    const consuming = await startBrokerProxy(nodes);
    keep(consuming, consuming.close);
    const operating = await startBrokerProxy(nodes);
    keep(operating, operating.close);
    const storeProxy = await startStoreProxy(store.endpoint);
    keep(storeProxy, storeProxy.close);

    const sabotageFile = join(directory, 'sabotage.json');
    const killsFile = join(directory, 'kills');
    const spansFile = join(directory, 'spans');
    const spans = hasTraces ? await startSpanCollector(spansFile) : undefined;
    if (spans) keep(spans, () => spans.stop());
    let sabotaged = unharmed;
    const sabotage = (wanted: Partial<Sabotage>) => {
      sabotaged = { ...sabotaged, ...wanted };
      // Functions may read the file at any time, so it is replaced atomically.
      writeFileSync(`${sabotageFile}.new`, JSON.stringify(sabotaged));
      renameSync(`${sabotageFile}.new`, sabotageFile);
    };
    sabotage({});
    writeFileSync(killsFile, '');
    const through = ({ port }: BrokerProxy) => {
      const url = new URL(broker.amqpUrl);
      url.port = String(port);
      return url;
    };
    const operator = await createOperator(broker, managementUrls ?? [broker.managementUrl], through(operating));
    const eventSourceUrl = through(consuming);
    eventSourceUrl.searchParams.set('heartbeat', '3');
    const serviceDirectory = join(directory, 'project');
    let environments = 1;
    const describeService = () =>
      writeProject(serviceDirectory, {
        eventSourceUrl: eventSourceUrl.href,
        environments,
        environment: {
          [SABOTAGE_FILE]: sabotageFile,
          [KILLS_FILE]: killsFile,
          ...(spans && { [SPANS_FILE]: spansFile }),
        },
      });
    describeService();
    const httpPort = givenHttpPort ?? (await freePorts(1))[0]!;
    const start = () =>
      startService({
        httpPort,
        broker: { amqpUrl: through(publishing).href, managementUrl: broker.managementUrl },
        store: { endpoint: storeProxy.url },
        tablePrefix: TABLE_PREFIX,
        otlpEndpoint: spans?.url,
        dataDirectory: directory,
        serviceDirectory,
        watch: false,
        say,
        output: () => {},
      });
    let service = await start();
    keep(service, () => service.kill());
    return {
      broker,
      store,
      // "localhost" would need a name lookup for each connection.
      url: `http://127.0.0.1:${httpPort}`,
      logFile: service.logFile,
      publishing,
      consuming,
      storeProxy,
      ...operator,
      brokerAddress: nodes[0]!,
      sabotage,
      sabotaged: () => sabotaged,
      killsFile,
      spans,
      service: () => service,
      environments: () => environments,
      async restartService(wanted = environments) {
        await service.kill();
        environments = wanted;
        describeService();
        service = await start();
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Creates a broker login that only the fault tests use. */
async function createOperator({ managementUrl }: Broker, managementUrls: readonly string[], amqp: URL) {
  const name = 'faults-operator';
  const password = randomUUID();
  const first = createManagement([managementUrl]);
  await first.request('PUT', `users/${name}`, { password, tags: 'administrator' });
  await first.request('PUT', `permissions/${VHOST}/${name}`, { configure: '.*', write: '.*', read: '.*' });
  const withLogin = (address: string) => Object.assign(new URL(address), { username: name, password }).href;
  return { operatorUrl: withLogin(amqp.href), management: createManagement(managementUrls.map(withLogin)) };
}
