import { join } from 'node:path';
import { Problem, reasonOf, type Say } from '../command-line.ts';
import type { Settings } from '../settings.ts';
import { useGivenBroker } from './given.ts';
import { startDockerBroker } from './docker.ts';
import { startPrivateBroker } from './private.ts';
import { findInstalledServer } from './installed.mjs';
import { unpackDebianServer } from './debian.mjs';
import { doesDockerAnswer } from '../docker.ts';
import { missingBroker, thisMachine } from '../platform.mjs';

/** A running RabbitMQ broker for development. */
export interface Broker {
  readonly amqpUrl: string;
  /** The URL of the management API, including user name and password. */
  readonly managementUrl: string;
  readonly version: string;
  /** The version of the broker and how it was started, as text for the terminal. */
  readonly describe: string;
  /** Whether another process started the broker. This process then neither restarts nor stops the broker. */
  readonly isExternal: boolean;
  /** The process id of the broker. Absent if the broker is external or runs in Docker. */
  readonly pid?: number;
  /** Kills all processes of the broker with SIGKILL, as a power cut would. */
  readonly kill: () => Promise<void>;
  /** Restarts the broker on the same ports with the same data. */
  readonly restart: () => Promise<void>;
  readonly stop: () => Promise<void>;
  /** Runs `rabbitmqctl` for this broker. Absent if this process cannot run `rabbitmqctl` for the broker. */
  readonly control?: (...args: readonly string[]) => Promise<string>;
  /** Calls `listener` when the broker ends unexpectedly. */
  readonly onDeath: (listener: (how: string) => void) => void;
}

export interface BrokerOptions {
  /** The folder for the broker's data. Nothing else uses this folder. */
  readonly dataDirectory: string;
  /** Whether the broker keeps its data when it is stopped. */
  readonly keepData: boolean;
  readonly say: Say;
}

/**
 * Uses the broker at AMQP_URL if this setting is set. Otherwise starts a broker: in Docker, from an installed RabbitMQ, or from
 * Debian packages.
 */
export async function startBroker(
  options: BrokerOptions,
  { amqpUrl, managementUrl, cacheDirectory }: Pick<Settings, 'amqpUrl' | 'managementUrl' | 'cacheDirectory'>,
): Promise<Broker> {
  if (amqpUrl !== undefined) return useGivenBroker({ amqpUrl, managementUrl });
  if (await doesDockerAnswer()) return startDockerBroker(options);
  const missing = missingBroker({ ...thisMachine(process.env), hasDocker: false }, {});
  if (missing !== undefined) throw new Problem(missing);
  const server =
    findInstalledServer(process.env) ??
    (await unpackDebianServer({ directory: join(cacheDirectory, 'debian'), say: options.say }).catch(
      (error: unknown) => {
        throw new Problem(reasonOf(error), { cause: error });
      },
    ));
  return startPrivateBroker(server, options);
}
