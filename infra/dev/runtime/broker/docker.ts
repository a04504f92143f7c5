import type { Broker, BrokerOptions } from './broker.ts';
import { doesManagementAnswer, probeBroker } from './probe.ts';
import { Problem, reasonOf } from '../command-line.ts';
import { waitFor } from '../wait.ts';

const IMAGE = 'rabbitmq:4-management';
const AMQP_PORT = 5_672;
const MANAGEMENT_PORT = 15_672;
const READY_WITHIN_MS = 60_000;

/** Starts RabbitMQ 4 in Docker. If `keepData` is set, RabbitMQ's data is kept in a named Docker volume. */
export async function startDockerBroker({ dataDirectory, keepData, say }: BrokerOptions): Promise<Broker> {
  say(`starting RabbitMQ in Docker (${IMAGE})`);
  const { startContainer, volumeOf } = await import('../container.ts');
  const { Wait } = await import('testcontainers');
  const container = await startContainer({
    image: IMAGE,
    ports: [AMQP_PORT, MANAGEMENT_PORT],
    waitFor: Wait.forListeningPorts().withStartupTimeout(READY_WITHIN_MS),
    // RabbitMQ finds its data by the name of the node, which contains the name of the host.
    hostname: 'surehop',
    files: [
      {
        content: '[rabbitmq_management,rabbitmq_consistent_hash_exchange].\n',
        target: '/etc/rabbitmq/enabled_plugins',
      },
      {
        content: 'disk_free_limit.absolute = 50MB\ncollect_statistics_interval = 1000\n',
        target: '/etc/rabbitmq/conf.d/90-surehop.conf',
      },
    ],
    ...(keepData && { volume: { name: volumeOf(dataDirectory), target: '/var/lib/rabbitmq' } }),
  }).catch((error: unknown) => {
    throw new Problem(
      `RabbitMQ did not start in Docker (${IMAGE}): ${reasonOf(error)}; check that Docker is running, or set AMQP_URL to a running broker`,
      { cause: error },
    );
  });
  const [amqpPort, managementPort] = container.ports;
  const amqpUrl = `amqp://guest:guest@127.0.0.1:${amqpPort}`;
  const managementUrl = `http://guest:guest@127.0.0.1:${managementPort}`;

  const untilReady = async () => {
    const version = await waitFor(
      async () => {
        const answer = await probeBroker(amqpUrl, 2_000).catch(() => undefined);
        return answer !== undefined && (await doesManagementAnswer(managementUrl, 2_000)) ? answer : undefined;
      },
      { timeoutMs: READY_WITHIN_MS },
    );
    if (version !== undefined) return version;
    throw new Problem(`RabbitMQ in Docker (${IMAGE}) is not ready after ${READY_WITHIN_MS / 1_000} s; see docker logs`);
  };
  try {
    const version = await untilReady();
    return {
      amqpUrl,
      managementUrl,
      version,
      describe: `RabbitMQ ${version} in Docker (${IMAGE})`,
      kill: container.kill,
      restart: async () => {
        await container.restart();
        await untilReady();
      },
      stop: container.stop,
      isExternal: false,
      onDeath: container.onDeath,
    };
  } catch (error) {
    await container.stop();
    throw error;
  }
}
