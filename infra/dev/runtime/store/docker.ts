import type { Store, StoreOptions } from './store.ts';
import { doesStoreAnswer } from './probe.ts';
import { Problem, reasonOf } from '../command-line.ts';
import { waitFor } from '../wait.ts';

const IMAGE = 'amazon/dynamodb-local:latest';
const PORT = 8_000;
const READY_WITHIN_MS = 60_000;

/**
 * Starts DynamoDB Local in Docker. If `keepData` is set, the data of DynamoDB Local is kept in a named Docker volume.
 */
export async function startDockerStore({ dataDirectory, keepData, say }: StoreOptions): Promise<Store> {
  say(`starting DynamoDB in Docker (${IMAGE})`);
  const { startContainer, volumeOf } = await import('../container.ts');
  const { Wait } = await import('testcontainers');
  const container = await startContainer({
    image: IMAGE,
    ports: [PORT],
    waitFor: Wait.forListeningPorts().withStartupTimeout(READY_WITHIN_MS),
    command: ['-jar', 'DynamoDBLocal.jar', '-sharedDb', ...(keepData ? ['-dbPath', '/data'] : ['-inMemory'])],
    // A new volume belongs to root, so the default user of the image could not write to it.
    user: 'root',
    ...(keepData && { volume: { name: volumeOf(dataDirectory), target: '/data' } }),
  }).catch((error: unknown) => {
    throw new Problem(
      `DynamoDB did not start in Docker (${IMAGE}): ${reasonOf(error)}; check that Docker is running, or set DYNAMODB_ENDPOINT to a running DynamoDB`,
      { cause: error },
    );
  });
  const endpoint = `http://127.0.0.1:${container.ports[0]}`;
  const untilReady = async () => {
    const ready = await waitFor(async () => ((await doesStoreAnswer(endpoint)) ? true : undefined), {
      timeoutMs: READY_WITHIN_MS,
    });
    if (ready === undefined) {
      await container.stop();
      throw new Problem(
        `DynamoDB in Docker (${IMAGE}) is not ready after ${READY_WITHIN_MS / 1_000} s; see docker logs`,
      );
    }
  };
  await untilReady();
  return {
    endpoint,
    describe: `DynamoDB Local in Docker (${IMAGE})`,
    kill: container.kill,
    restart: async () => {
      await container.restart();
      await untilReady();
    },
    stop: container.stop,
    isExternal: false,
    onDeath: container.onDeath,
  };
}
