import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { delimiter, join } from 'node:path';
import type { Broker, BrokerOptions } from './broker.ts';
import type { RabbitmqServer } from './installed.mjs';
import { doesManagementAnswer, probeBroker } from './probe.ts';
import { startGuardedServer } from '../guarded-server.ts';
import { freePorts } from '../ports.ts';
import { plainPath, removePlainPath } from './plain-path.mjs';
import { Problem } from '../command-line.ts';
import { startGuarded, type GuardedProcess } from '../processes.ts';
import { run } from '../run-command.mjs';
import { waitFor } from '../wait.ts';

const READY_WITHIN_MS = 120_000;
const STOPPED_WITHIN_MS = 15_000;

const NODE_NAME = 'surehop@localhost';

interface Ports {
  readonly amqp: number;
  readonly management: number;
  readonly distribution: number;
  readonly portMapper: number;
}

/**
 * Runs `server` as a private RabbitMQ node, which has its own ports, data folder and port mapper and ignores the system's
 * configuration.
 */
export async function startPrivateBroker(
  server: RabbitmqServer,
  { dataDirectory, keepData, say }: BrokerOptions,
): Promise<Broker> {
  say(`starting RabbitMQ (${server.describe})`);
  prepare(dataDirectory);
  let version: string;

  const node = await startGuardedServer({
    choosePorts,
    start: (ports) => {
      writeFileSync(join(dataDirectory, 'rabbitmq.conf'), configuration(ports));
      writeFileSync(join(dataDirectory, 'advanced.config'), ADVANCED_CONFIGURATION);
      return startGuarded({
        command: '/bin/sh',
        args: [
          '-c',
          'epmd -address 127.0.0.1 -port "$ERL_EPMD_PORT" & exec "$0"',
          join(server.scriptsDirectory, 'rabbitmq-server'),
        ],
        // RabbitMQ resolves symbolic links in its current directory. The data directory may be a link to a path that RabbitMQ
        // cannot read, so the current directory is another one.
        cwd: '/',
        env: environment(server, plainPath(dataDirectory), ports),
        output: { file: logFile(dataDirectory) },
      });
    },
    untilReady: async (started, ports) => {
      version = await untilReady(started, ports);
      writeFileSync(firstStartDone(dataDirectory), '');
    },
    wasPortTaken: () => readFileSync(logFile(dataDirectory), 'utf8').includes('eaddrinuse'),
    stop: (running) => (keepData ? running.stop({ signal: 'SIGTERM', graceMs: STOPPED_WITHIN_MS }) : running.kill()),
  });
  const { ports } = node;

  return {
    amqpUrl: amqpUrl(ports),
    managementUrl: managementUrl(ports),
    isExternal: false,
    version: version!,
    describe: `RabbitMQ ${version!} (${server.describe})`,
    get pid() {
      return node.pid;
    },
    kill: async () => {
      await node.kill();
      removePlainPath(dataDirectory);
    },
    restart: node.restart,
    stop: async () => {
      await node.stop();
      removePlainPath(dataDirectory);
    },
    control: (...args) =>
      run(join(server.scriptsDirectory, 'rabbitmqctl'), ['--quiet', ...args], {
        cwd: '/',
        env: environment(server, plainPath(dataDirectory), ports),
      }),
    onDeath: node.onDeath,
  };
}

async function choosePorts(): Promise<Ports> {
  const [amqp = 0, management = 0, distribution = 0, portMapper = 0] = await freePorts(4);
  return { amqp, management, distribution, portMapper };
}

const amqpUrl = ({ amqp }: Ports) => `amqp://guest:guest@127.0.0.1:${amqp}`;
const managementUrl = ({ management }: Ports) => `http://guest:guest@127.0.0.1:${management}`;
const firstStartDone = (dataDirectory: string) => join(dataDirectory, 'first-start-done');
const logFile = (dataDirectory: string) => join(dataDirectory, 'rabbitmq.log');

function prepare(dataDirectory: string): void {
  // A node that is killed during its first start leaves an incomplete, empty database, so its data is deleted.
  if (!existsSync(firstStartDone(dataDirectory)))
    rmSync(join(dataDirectory, 'mnesia'), { recursive: true, force: true });
  mkdirSync(join(dataDirectory, 'conf.d'), { recursive: true });
  const cookie = join(dataDirectory, '.erlang.cookie');
  if (!existsSync(cookie)) writeFileSync(cookie, randomBytes(16).toString('hex'));
  chmodSync(cookie, 0o400);
  writeFileSync(join(dataDirectory, 'enabled_plugins'), '[rabbitmq_management,rabbitmq_consistent_hash_exchange].\n');
}

/**
 * A RabbitMQ configuration with which quorum queues report their figures every second instead of every five seconds.
 */
const ADVANCED_CONFIGURATION = '[{rabbit, [{quorum_tick_interval, 1000}]}].\n';

const configuration = (ports: Ports) => `listeners.tcp.1 = 127.0.0.1:${ports.amqp}
management.tcp.ip = 127.0.0.1
management.tcp.port = ${ports.management}
disk_free_limit.absolute = 50MB
collect_statistics_interval = 1000
`;

function environment(server: RabbitmqServer, dataDirectory: string, ports: Ports): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(RABBITMQ_|ERL_|RELEASE_|NOTIFY_SOCKET)/.test(name),
  );
  const inside = (name: string) => join(dataDirectory, name);
  return {
    ...Object.fromEntries(inherited),
    PATH: [...server.path, process.env['PATH'] ?? '/usr/bin:/bin'].join(delimiter),
    HOME: dataDirectory,
    LANG: 'C.UTF-8',
    LC_ALL: 'C.UTF-8',
    ERL_EPMD_PORT: String(ports.portMapper),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    ERL_CRASH_DUMP_BYTES: '0',
    RABBITMQ_NODENAME: NODE_NAME,
    RABBITMQ_DIST_PORT: String(ports.distribution),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
    RABBITMQ_CONF_ENV_FILE: '/dev/null',
    RABBITMQ_CONFIG_FILE: inside('rabbitmq.conf'),
    RABBITMQ_CONFIG_FILES: inside('conf.d'),
    RABBITMQ_ADVANCED_CONFIG_FILE: inside('advanced.config'),
    RABBITMQ_ENABLED_PLUGINS_FILE: inside('enabled_plugins'),
    RABBITMQ_MNESIA_BASE: inside('mnesia'),
    RABBITMQ_MNESIA_DIR: inside('mnesia/node'),
    RABBITMQ_FEATURE_FLAGS_FILE: inside('feature_flags'),
    RABBITMQ_PLUGINS_EXPAND_DIR: inside('plugins-expand'),
    RABBITMQ_GENERATED_CONFIG_DIR: inside('config'),
    RABBITMQ_SCHEMA_DIR: inside('schema'),
    RABBITMQ_PID_FILE: inside('pid'),
    RABBITMQ_LOG_BASE: inside('log'),
    RABBITMQ_LOGS: '-',
  };
}

/**
 * Waits until the RabbitMQ node accepts an AMQP login and its management API responds. Returns the version of RabbitMQ.
 */
async function untilReady(started: GuardedProcess, ports: Ports): Promise<string> {
  const version = await waitFor(
    async () => {
      const answer = await probeBroker(amqpUrl(ports), 2_000).catch(() => undefined);
      return answer !== undefined && (await doesManagementAnswer(managementUrl(ports), 2_000)) ? answer : undefined;
    },
    { timeoutMs: READY_WITHIN_MS, everyMs: 150, giveUp: started.hasEnded },
  );
  if (version !== undefined) return version;
  const how = started.hasEnded()
    ? `the process ended with ${await started.ended}`
    : `not ready after ${READY_WITHIN_MS / 1_000} s`;
  throw new Problem(
    `RabbitMQ did not start: ${how}; the last lines of its log:\n${started
      .tail()
      .map((line) => `    ${line}`)
      .join('\n')}`,
  );
}
