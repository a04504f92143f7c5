import { join } from 'node:path';
import type { Say } from '../command-line.ts';
import type { Settings } from '../settings.ts';
import { useGivenBroker } from './given.ts';
import { startDockerBroker } from './docker.ts';
import { startPrivateBroker } from './private.ts';
import { findInstalledServer } from './installed.ts';
import { unpackDebianServer } from './debian.ts';
import { doesDockerAnswer } from '../docker.ts';

/** A RabbitMQ that serves. */
export interface Broker {
  readonly amqpUrl: string;
  /** The management API, with its login. */
  readonly managementUrl: string;
  readonly version: string;
  /** Where it comes from, for people. */
  readonly describe: string;
  /** The process to look at; not there for a broker that is not ours. */
  readonly pid?: number;
  /** SIGKILL to the whole of it, as in a power cut. */
  readonly kill: () => Promise<void>;
  /** Starts it again, on the same ports, with the same data. */
  readonly restart: () => Promise<void>;
  readonly stop: () => Promise<void>;
  /** Runs `rabbitmqctl`; not there where its command line cannot be reached. */
  readonly control?: (...args: readonly string[]) => Promise<string>;
  /** Calls `listener` when it ends although nobody asked it to. */
  readonly onDeath: (listener: (how: string) => void) => void;
}

export interface BrokerOptions {
  /** Where its data goes; a folder of its own. */
  readonly dataDirectory: string;
  /** Whether data outlives a stop; if so the stop is a graceful one. */
  readonly keepData: boolean;
  readonly say: Say;
}

/** Uses the broker at AMQP_URL; else starts one: with Docker, from an installed RabbitMQ, or from Debian's packages. */
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
