import { join } from 'node:path';
import { startBroker, type Broker } from './broker/broker.ts';
import { Problem, type Say } from './command-line.ts';
import { keepRunning } from './keep-running.ts';
import { prepareBroker } from './broker/prepare.ts';
import type { Settings } from './settings.ts';
import { startStore, type Store } from './store/store.ts';
import { createTables } from './store/tables.ts';
import { watchForeign } from './watch-foreign.ts';
import { startService, type Service } from './service.ts';

/** Broker, store and service, all of which serve. */
export interface Laptop {
  readonly broker: Broker;
  readonly store: Store;
  readonly service: Service;
  /** Settles with the reason once something has ended for good that must run. */
  readonly failed: Promise<string>;
  /** Drains the batch in flight, then stops everything. */
  readonly stop: () => Promise<void>;
}

export interface LaptopOptions {
  readonly settings: Settings;
  readonly dataDirectory: string;
  readonly keepData: boolean;
  /** Whether functions are built anew when their sources change. */
  readonly watch: boolean;
  readonly say: Say;
  /** Takes the service's log as a person reads it. */
  readonly output: Say;
}

/** Starts the broker and the store, applies topology and tables, starts the service; what has started is stopped where a later step fails. */
export async function startLaptop({
  settings,
  dataDirectory,
  keepData,
  watch,
  say,
  output,
}: LaptopOptions): Promise<Laptop> {
  const parts: { stop: () => Promise<void> }[] = [];
  let fail: (reason: string) => void = () => {};
  const failed = new Promise<string>((resolve) => (fail = resolve));
  const keepers: (() => void)[] = [];
  const keep = (name: string, part: Broker | Store, address: string) =>
    keepers.push(
      part.pid === undefined ? watchForeign(address, { name, say }) : keepRunning(part, { name, say, giveUp: fail }),
    );
  const stop = async () => {
    for (const end of keepers.splice(0)) end();
    for (const part of parts.splice(0)) await part.stop();
  };
  const started = async <T extends { stop: () => Promise<void> }>(part: Promise<T>): Promise<T> => {
    const value = await part;
    parts.unshift(value); // stopped in the reverse order
    return value;
  };
  try {
    const [brokerStart, storeStart] = await Promise.allSettled([
      started(startBroker({ dataDirectory: join(dataDirectory, 'rabbitmq'), keepData, say }, settings)),
      started(startStore({ dataDirectory: join(dataDirectory, 'dynamodb'), keepData, say }, settings)),
    ]);
    if (brokerStart.status === 'rejected') throw brokerStart.reason;
    if (storeStart.status === 'rejected') throw storeStart.reason;
    const broker = brokerStart.value;
    const store = storeStart.value;
    keep('RabbitMQ', broker, broker.amqpUrl);
    keep('DynamoDB', store, store.endpoint);
    say(`${broker.describe}, ${store.describe}`);
    await Promise.all([
      prepareBroker(broker, say),
      createTables({ endpoint: store.endpoint, prefix: settings.tablePrefix }),
    ]);
    say('topology and tables are in place');
    const { httpPort, tablePrefix } = settings;
    const service = await Promise.race([
      started(startService({ httpPort, broker, store, tablePrefix, dataDirectory, watch, say, output })),
      failed.then((reason) => {
        throw new Problem(reason);
      }),
    ]);
    service.onDeath((how) => fail(`the service ended by itself (${how}); run npm start again, the data is kept`));
    return { broker, store, service, failed, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
