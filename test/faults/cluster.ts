import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Broker } from '../../infra/dev/runtime/broker/broker.ts';
import { doesManagementAnswer, probeBroker } from '../../infra/dev/runtime/broker/probe.ts';
import { Problem, type Say } from '../../infra/dev/runtime/command-line.ts';
import { freePorts } from '../../infra/dev/runtime/ports.ts';
import { startGuarded, type GuardedProcess } from '../../infra/dev/runtime/processes.ts';
import { serverIn, unpackRabbitmq4 } from './rabbitmq-4.ts';
import { run } from '../../infra/dev/runtime/run-command.mjs';
import { waitFor } from '../../infra/dev/runtime/wait.ts';

const READY_WITHIN_MS = 180_000;
const STOPPED_WITHIN_MS = 30_000;

/**
 * A shell script that mounts /proc, /dev and a data directory in a chroot directory, and then runs a command in the
 * chroot.
 */
const IN_ROOT = `mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev" && mount --bind "$2" "$1/mnt" &&
  root="$1" && shift 2 && exec chroot "$root" "$@"`;

export interface ClusterNode {
  readonly name: string;
  readonly amqpUrl: string;
  readonly managementUrl: string;
  readonly start: () => Promise<void>;
  readonly kill: () => Promise<void>;
  readonly stop: () => Promise<void>;
  readonly control: (...args: readonly string[]) => Promise<string>;
}

export interface Cluster {
  readonly nodes: readonly ClusterNode[];
  readonly broker: Broker;
  /**
   * Disconnects `node` from the other nodes of the cluster, but not from AMQP clients. The returned function reconnects
   * the node.
   */
  readonly partition: (node: ClusterNode) => Promise<() => Promise<void>>;
}

interface Ports {
  readonly amqp: number;
  readonly management: number;
  readonly distribution: number;
}

/** Starts a cluster with `size` nodes. Each node stores its data in its own folder of `dataDirectory`. */
export async function startCluster({
  size,
  dataDirectory,
  cacheDirectory,
  say,
}: {
  size: number;
  dataDirectory: string;
  cacheDirectory: string;
  say: Say;
}): Promise<Cluster> {
  const root = await unpackRabbitmq4({ directory: join(cacheDirectory, 'rabbitmq-4'), say });
  const { scripts, version } = serverIn(root);
  const describe = `RabbitMQ ${version} (${size === 1 ? 'one node' : `${size} nodes`}, Debian's packages, run privately)`;
  say(`starting a broker for the fault tests: ${describe}`);
  const [portMapper = 0, ...free] = await freePorts(1 + 3 * size);
  const numbers = Array.from({ length: size }, (_, index) => index + 1);
  const nameOf = (number: number) => `surehop${number}@localhost`;
  const cookie = randomBytes(16).toString('hex');

  const inRoot = (directory: string, ports: Ports, name: string, command: readonly string[]) => ({
    command: 'unshare',
    args: ['--mount', '/bin/sh', '-c', IN_ROOT, 'sh', root, directory, ...command],
    cwd: directory,
    env: environment({ name, portMapper, distribution: ports.distribution, scripts }),
  });

  function nodeOf(number: number): ClusterNode {
    const name = nameOf(number);
    const directory = join(dataDirectory, `node-${number}`);
    const [amqp = 0, management = 0, distribution = 0] = free.slice(3 * (number - 1));
    const ports: Ports = { amqp, management, distribution };
    const amqpUrl = `amqp://guest:guest@127.0.0.1:${amqp}`;
    const managementUrl = `http://guest:guest@127.0.0.1:${management}`;
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, '.erlang.cookie'), cookie);
    chmodSync(join(directory, '.erlang.cookie'), 0o400);
    writeFileSync(join(directory, 'plugins'), '[rabbitmq_management,rabbitmq_consistent_hash_exchange].\n');
    writeFileSync(join(directory, 'rabbitmq.conf'), configuration(ports, size === 1 ? [] : numbers.map(nameOf)));
    let running: GuardedProcess | undefined;
    return {
      name,
      amqpUrl,
      managementUrl,
      async start() {
        const started = await startGuarded({
          ...inRoot(directory, ports, name, [`${scripts}/rabbitmq-server`]),
          output: { file: join(directory, 'rabbitmq.log') },
        });
        running = started;
        const ready = await waitFor(
          async () =>
            (await probeBroker(amqpUrl, 2_000).catch(() => undefined)) !== undefined &&
            (await doesManagementAnswer(managementUrl, 2_000))
              ? true
              : undefined,
          { timeoutMs: READY_WITHIN_MS, everyMs: 200, giveUp: started.hasEnded },
        );
        if (ready !== undefined) return;
        await started.kill();
        const lastLines = started.tail().join('\n');
        throw new Problem(`the broker node ${name} did not start; its log ends with:\n${lastLines}`);
      },
      kill: async () => running?.kill(),
      stop: async () => running?.stop({ signal: 'SIGTERM', graceMs: STOPPED_WITHIN_MS }),
      control: (...args) => {
        const {
          command,
          args: all,
          cwd,
          env,
        } = inRoot(directory, ports, name, [`${scripts}/rabbitmqctl`, '--quiet', ...args]);
        return run(command, all, { cwd, env });
      },
    };
  }

  const mapperDirectory = join(dataDirectory, 'epmd');
  mkdirSync(mapperDirectory, { recursive: true });
  const mapper = await startGuarded({
    ...inRoot(mapperDirectory, { amqp: 0, management: 0, distribution: 0 }, 'epmd', [
      'epmd',
      '-address',
      '127.0.0.1',
      '-port',
      String(portMapper),
    ]),
    output: { file: join(mapperDirectory, 'epmd.log') },
  });
  const nodes = numbers.map(nodeOf);
  const killAll = async () => {
    await Promise.all(nodes.map((node) => node.kill()));
  };
  const stop = async () => {
    await killAll();
    await mapper.kill();
  };
  const startAll = async () => {
    await Promise.all(nodes.map((node) => node.start()));
  };
  try {
    await startAll();
  } catch (error) {
    await stop();
    throw error;
  }
  const [first] = nodes as [ClusterNode];

  async function partition(isolated: ClusterNode): Promise<() => Promise<void>> {
    const others = nodes.filter((node) => node !== isolated).map(({ name }) => `'${name}'`);
    const toEach = (expression: string) =>
      isolated.control('eval', `[begin ${expression} end || Peer <- [${others.join(',')}]].`);
    await toEach("erlang:set_cookie(Peer, 'isolated'), erlang:disconnect_node(Peer)");
    return async () => {
      await toEach('erlang:set_cookie(Peer, erlang:get_cookie()), net_kernel:connect_node(Peer)');
    };
  }

  return {
    nodes,
    partition,
    broker: {
      amqpUrl: first.amqpUrl,
      managementUrl: first.managementUrl,
      version,
      describe,
      kill: killAll,
      restart: async () => {
        await killAll();
        await startAll();
      },
      stop,
      control: first.control,
      isExternal: false,
      onDeath: () => {},
    },
  };
}

const configuration = ({ amqp, management }: Ports, peers: readonly string[]) => `listeners.tcp.1 = 127.0.0.1:${amqp}
management.tcp.ip = 127.0.0.1
management.tcp.port = ${management}
disk_free_limit.absolute = 50MB
collect_statistics_interval = 1000
net_ticktime = 5
${peers.length > 0 ? 'cluster_formation.peer_discovery_backend = classic_config\n' : ''}${peers
  .map((peer, index) => `cluster_formation.classic_config.nodes.${index + 1} = ${peer}\n`)
  .join('')}`;

/**
 * Returns the environment variables of a RabbitMQ node in the chroot directory, where /mnt is the node's data
 * directory.
 */
const environment = ({
  name,
  portMapper,
  distribution,
  scripts,
}: {
  name: string;
  portMapper: number;
  distribution: number;
  scripts: string;
}): NodeJS.ProcessEnv => ({
  PATH: `${scripts}:/usr/sbin:/usr/bin:/sbin:/bin`,
  HOME: '/mnt',
  LANG: 'C.UTF-8',
  ERL_EPMD_PORT: String(portMapper),
  ERL_EPMD_ADDRESS: '127.0.0.1',
  ERL_CRASH_DUMP_BYTES: '0',
  RABBITMQ_NODENAME: name,
  RABBITMQ_DIST_PORT: String(distribution),
  RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
  RABBITMQ_CONF_ENV_FILE: '/dev/null',
  RABBITMQ_CONFIG_FILE: '/mnt/rabbitmq.conf',
  RABBITMQ_ENABLED_PLUGINS_FILE: '/mnt/plugins',
  RABBITMQ_MNESIA_BASE: '/mnt/data',
  RABBITMQ_LOG_BASE: '/mnt/log',
  RABBITMQ_PID_FILE: '/mnt/pid',
  RABBITMQ_LOGS: '-',
});
