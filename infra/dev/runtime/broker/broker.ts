import { join } from 'node:path';
import type { Say } from '../command-line.ts';
import type { Settings } from '../settings.ts';
import { useGivenBroker } from './given.ts';
import { startDockerBroker } from './docker.ts';
import { startPrivateBroker } from './private.ts';
import { findInstalledServer } from './installed.ts';
import { unpackDebianServer } from './debian.ts';
import { doesDockerAnswer } from '../docker.ts';

/** A running RabbitMQ. */
export interface Broker {
  readonly amqpUrl: string;
  /** The management API, with its login. */
  readonly managementUrl: string;
  readonly version: string;
  /** Where the broker comes from, for the person at the terminal. */
  readonly describe: string;
  /** The process id; undefined if this process did not start the broker. */
  readonly pid?: number;
  /** Sends SIGKILL to all processes of the broker, as in a power cut. */
  readonly kill: () => Promise<void>;
  /** Restarts the broker on the same ports with the same data. */
  readonly restart: () => Promise<void>;
  readonly stop: () => Promise<void>;
  /** Runs `rabbitmqctl`; undefined if the broker's command line cannot be reached. */
  readonly control?: (...args: readonly string[]) => Promise<string>;
  /** Calls `listener` when the broker ends unexpectedly. */
  readonly onDeath: (listener: (how: string) => void) => void;
}

export interface BrokerOptions {
  /** The folder for the broker's data, used by nothing else. */
  readonly dataDirectory: string;
  /** Whether data survives a stop; if so, the broker is stopped gracefully. */
  readonly keepData: boolean;
  readonly say: Say;
}

/** Uses the broker at AMQP_URL if set. Otherwise starts one: in Docker, from an installed RabbitMQ, or from Debian packages. */
export async function startBroker(
  options: BrokerOptions,
  { amqpUrl, managementUrl, cacheDirectory }: Pick<Settings, 'amqpUrl' | 'managementUrl' | 'cacheDirectory'>,
): Promise<Broker> {
  if (amqpUrl !== undefined) return useGivenBroker({ amqpUrl, managementUrl });
  if (await doesDockerAnswer()) return startDockerBroker(options);
  const server =
    findInstalledServer(process.env) ??
    (await unpackDebianServer({ directory: join(cacheDirectory, 'debian'), say: options.say }));
  return startPrivateBroker(server, options);
}
