import { Problem, type Say } from '../command-line.ts';
import { doesDockerAnswer } from '../docker.ts';
import { missingStore, thisMachine } from '../platform.mjs';
import { startDockerStore } from './docker.ts';
import { findEmulator, startEmulator } from './emulator.ts';
import { useGivenStore } from './given.ts';

/** A running DynamoDB for development. */
export interface Store {
  readonly endpoint: string;
  readonly describe: string;
  /** Whether another process started DynamoDB. This process then neither restarts nor stops DynamoDB. */
  readonly isExternal: boolean;
  /** The process id of DynamoDB. Absent if DynamoDB is external or runs in Docker. */
  readonly pid?: number;
  /** Kills DynamoDB with SIGKILL, as a power cut would. */
  readonly kill: () => Promise<void>;
  /** Restarts the local DynamoDB on the same port with the same data. */
  readonly restart: () => Promise<void>;
  readonly stop: () => Promise<void>;
  /** Calls `listener` when the local DynamoDB exits unexpectedly. */
  readonly onDeath: (listener: (how: string) => void) => void;
}

export interface StoreOptions {
  /** The folder for DynamoDB's logs and data. Nothing else uses this folder. */
  readonly dataDirectory: string;
  /** Whether the data of the local DynamoDB is kept when it is stopped. */
  readonly keepData: boolean;
  readonly say: Say;
}

/**
 * Uses the DynamoDB at DYNAMODB_ENDPOINT, if this setting is set. Otherwise starts the embedded DynamoDB emulator or, on
 * platforms without the emulator, DynamoDB Local in Docker.
 */
export async function startStore(
  options: StoreOptions,
  { dynamodbEndpoint }: { dynamodbEndpoint: string | undefined },
): Promise<Store> {
  if (dynamodbEndpoint !== undefined) return useGivenStore(dynamodbEndpoint);
  const emulator = findEmulator();
  if (emulator !== undefined) return startEmulator(emulator, options);
  if (await doesDockerAnswer()) return startDockerStore(options);
  throw new Problem(
    missingStore({ ...thisMachine(process.env), hasDocker: false }, {}) ??
      'the embedded DynamoDB is not installed, because npm left out the optional dependencies: run npm install without --omit=optional',
  );
}
