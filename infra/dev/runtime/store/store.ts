import { Problem, type Say } from '../command-line.ts';
import { doesDockerAnswer } from '../docker.ts';
import { startDockerStore } from './docker.ts';
import { findEmulator, startEmulator } from './emulator.ts';
import { useGivenStore } from './given.ts';

/** A running DynamoDB. */
export interface Store {
  readonly endpoint: string;
  readonly describe: string;
  /** The process id; undefined if this process did not start DynamoDB. */
  readonly pid?: number;
  /** Sends SIGKILL, as in a power cut. */
  readonly kill: () => Promise<void>;
  /** Restarts DynamoDB on the same port with the same data. */
  readonly restart: () => Promise<void>;
  readonly stop: () => Promise<void>;
  /** Calls `listener` when DynamoDB ends unexpectedly. */
  readonly onDeath: (listener: (how: string) => void) => void;
}

export interface StoreOptions {
  /** The folder for logs and data, used by nothing else. */
  readonly dataDirectory: string;
  /** Whether data survives a stop. */
  readonly keepData: boolean;
  readonly say: Say;
}

/** Uses the DynamoDB at DYNAMODB_ENDPOINT if set. Otherwise starts the embedded emulator, or DynamoDB Local in Docker. */
export async function startStore(
  options: StoreOptions,
  { dynamodbEndpoint }: { dynamodbEndpoint: string | undefined },
): Promise<Store> {
  if (dynamodbEndpoint !== undefined) return useGivenStore(dynamodbEndpoint);
  const emulator = findEmulator();
  if (emulator !== undefined) return startEmulator(emulator, options);
  if (await doesDockerAnswer()) return startDockerStore(options);
  throw new Problem(
    `the embedded DynamoDB emulator does not exist for ${process.platform}-${process.arch}: start Docker, or set DYNAMODB_ENDPOINT to a running DynamoDB`,
  );
}
