import { randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { connect } from 'amqplib';
import type { ChannelModel, ConfirmChannel, Options } from 'amqplib';
import { createEnvironment } from '../../../infra/emulator/environment.ts';
import type { EnvironmentSettings } from '../../../infra/emulator/environment.ts';
import { startMapping } from '../../../infra/emulator/mapping.ts';
import type { MappingSettings, RunningMapping } from '../../../infra/emulator/mapping.ts';
import { aHostileDirectory } from '../../support/hostile-directory.ts';

interface Observed {
  lines: string[];
  warnings: string[];
  notices: string[];
  reports: {
    records: number;
    environment?: string;
    outcome: string;
    error?: string;
    durationMs: number;
    atMs: number;
  }[];
  /** Parses the function's output lines that contain JSON, and returns the parsed values. */
  said<T>(): T[];
}

/**
 * A virtual host of the broker for one test file, with functions that declare queues and start emulated event sources.
 */
export interface Harness {
  url: string;
  virtualHost: string;
  version: string;
  channel: ConfirmChannel;
  declareQueue(): Promise<string>;
  publish(queue: string, bodies: (string | Buffer)[], options?: Options.Publish): Promise<void>;
  takeAll(queue: string): Promise<number>;
  writeModule(source: string): Promise<string>;
  run(
    queue: string,
    source: string,
    settings?: Partial<MappingSettings & EnvironmentSettings> & { concurrency?: number },
  ): Promise<Observed & RunningMapping & { modulePath: string; renew(): void }>;
  close(): Promise<void>;
}

const amqpUrl = () => given('AMQP_URL', 'amqp://guest:guest@127.0.0.1:5672');

export const handlerOf = (body: string): string => `
import { setTimeout as sleep } from 'node:timers/promises';
const say = (value) => console.log(JSON.stringify(value));
export const handler = async (event, context) => {
  const messages = Object.values(event.rmqMessagesByQueue).flat();
  const ids = messages.map((message) => Buffer.from(message.data, 'base64').toString());
  const redelivered = messages.every((message) => message.redelivered);
  ${body}
};`;

export async function createHarness(): Promise<Harness> {
  const url = amqpUrl();
  // The slash shows that the emulator encodes the name of the virtual host in its address.
  const virtualHost = `event-source/${randomUUID()}`;
  const encodedHost = encodeURIComponent(virtualHost);
  await manage('PUT', `/api/vhosts/${encodedHost}`, { default_queue_type: 'quorum' });
  const user = decodeURIComponent(new URL(url).username) || 'guest';
  const all = { configure: '.*', write: '.*', read: '.*' };
  await manage('PUT', `/api/permissions/${encodedHost}/${encodeURIComponent(user)}`, all);

  const target = new URL(url);
  target.pathname = `/${encodedHost}`;
  const connection: ChannelModel = await connect(target.href, { noDelay: true });
  const channel = await connection.createConfirmChannel();
  const directory = aHostileDirectory('event-source');
  const running = new Set<RunningMapping>();

  async function writeModule(source: string): Promise<string> {
    const modulePath = join(directory, randomUUID());
    await writeFile(`${modulePath}.mjs`, source);
    return modulePath;
  }

  return {
    url,
    virtualHost,
    version: connection.connection.serverProperties.version,
    channel,
    writeModule,
    async declareQueue() {
      const queue = `queue-${randomUUID()}`;
      await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
      return queue;
    },
    async publish(queue, bodies, options) {
      for (const body of bodies) channel.sendToQueue(queue, Buffer.from(body), { persistent: true, ...options });
      await channel.waitForConfirms();
    },
    async takeAll(queue) {
      let taken = 0;
      while (await channel.get(queue, { noAck: true })) taken += 1;
      return taken;
    },
    async run(queue, source, settings = {}) {
      const observed: Observed = {
        lines: [],
        warnings: [],
        notices: [],
        reports: [],
        said: <T>() => observed.lines.flatMap((line) => parsed<T>(line)),
      };
      const modulePath = await writeModule(source);
      const environmentSettings = {
        modulePath,
        exportName: 'handler',
        workingDirectory: directory,
        variables: { AWS_LAMBDA_FUNCTION_NAME: 'tested', AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '128' },
        timeoutMs: 10_000,
        memoryMb: 128,
        onLine: (line: string) => observed.lines.push(line),
        ...settings,
      };
      const environments = Array.from({ length: settings.concurrency ?? 1 }, () =>
        createEnvironment(environmentSettings),
      );
      const mapping = startMapping({
        url,
        virtualHost,
        queue,
        eventSourceArn: 'arn:aws:mq:us-east-1:000000000000:broker:shop:b-1',
        functionKey: 'tested',
        batchSize: 10,
        batchingWindowMs: 200,
        onError: 'nack',
        environments,
        log: {
          notice: (message) => observed.notices.push(message),
          warning: (message) => observed.warnings.push(message),
          error: (message) => observed.warnings.push(message),
        },
        onReport: (line) => observed.reports.push({ ...JSON.parse(line), atMs: performance.now() }),
        ...settings,
      });
      running.add(mapping);
      return {
        ...observed,
        modulePath,
        renew: () => environments.forEach((environment) => environment.renew()),
        async stop() {
          running.delete(mapping);
          await mapping.stop();
        },
      };
    },
    async close() {
      await Promise.all([...running].map((mapping) => mapping.stop()));
      await connection.close();
      await manage('DELETE', `/api/vhosts/${encodedHost}`);
      await rm(dirname(directory), { recursive: true });
    },
  };
}

/** Waits until `condition` returns true. After `limitMs`, throws an error with the text `what`. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  limitMs = 30_000,
): Promise<void> {
  const endMs = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > endMs) throw new Error(`timed out after ${limitMs} ms while waiting for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

// If V8 runs out of memory, it prints lines that look like JSON but are not.
function parsed<T>(line: string): T[] {
  try {
    return [JSON.parse(line) as T];
  } catch {
    return [];
  }
}

async function manage(method: string, path: string, body?: unknown): Promise<void> {
  const { origin, username, password } = new URL(given('MANAGEMENT_URL', 'http://guest:guest@127.0.0.1:15672'));
  const response = await fetch(origin + path, {
    method,
    headers: {
      'content-type': 'application/json',
      authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!response.ok)
    throw new Error(
      `the management API answered ${method} ${path} with status ${response.status}: ${await response.text()}`,
    );
}

function given(name: string, example: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: these tests need a real RabbitMQ (for example ${name}=${example}).`);
  return value;
}
