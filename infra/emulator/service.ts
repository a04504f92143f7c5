import { resolve } from 'node:path';
import { percentDecoded } from 'surehop/amqp';

import type { EnvironmentSettings } from './environment.ts';
import type { EventOrigin } from './event.ts';
import type { Log } from './log.ts';
import { brokerName } from './session.ts';
import type { OnError } from './settle.ts';

/** A `rabbitmq` event of a function in serverless.yml. */
interface RabbitMqEvent {
  arn: unknown;
  queue: string;
  virtualHost?: string;
  batchSize?: number;
  maximumBatchingWindow?: number;
  enabled?: boolean;
  filterPatterns?: unknown[];
}

interface FunctionDefinition {
  name: string;
  handler: string;
  timeout?: number;
  memorySize?: number;
  environment?: Record<string, unknown>;
  events?: { rabbitmq?: RabbitMqEvent; httpApi?: unknown }[];
}

/** The settings in `custom.rabbitmqEventSource` of serverless.yml. */
interface EventSourceSettings {
  url?: string;
  onError?: OnError;
  /**
   * The number of execution environments that process messages of a queue at the same time, by the name of the queue.
   * The default is 1, which is also the default of AWS.
   */
  concurrency?: Record<string, number>;
  /**
   * The names of the queues whose messages with the same key must be processed in order. Such a queue can have only one
   * execution environment.
   */
  ordered?: string[];
  /**
   * The URL of a module that can replace the functions' handlers: its default export receives a handler and returns the
   * handler to invoke.
   */
  handlerWrapper?: string;
}

/** The part of the Serverless object that the plugin of the local event source reads. */
export interface Serverless {
  serviceDir: string;
  service: {
    service: string;
    provider: { region?: string; timeout?: number; memorySize?: number; environment?: Record<string, unknown> };
    custom?: {
      rabbitmqEventSource?: EventSourceSettings;
      'serverless-offline'?: { location?: string; localEnvironment?: boolean };
    };
    functions: Record<string, FunctionDefinition>;
  };
  classes: { Error: new (message: string, code: string) => Error };
}

/** An event source mapping that a function in serverless.yml declares. */
export interface DeclaredMapping extends EventOrigin {
  functionKey: string;
  batchSize: number;
  batchingWindowMs: number;
  concurrency: number;
}

const defaultBatchSize = 100;
const defaultWindowSeconds = 0.5;
const defaultTimeoutSeconds = 6;
const defaultMemoryMb = 1024;
/**
 * The maximum number of execution environments per queue. The number is limited because each local execution
 * environment is a process.
 */
const maxConcurrency = 32;
const localArn = 'arn:aws:mq:us-east-1:000000000000:broker:local:b-00000000-0000-0000-0000-000000000000';

export function readSettings({ service }: Serverless): { url: string; onError: OnError } {
  const { url = process.env.AMQP_URL, onError = 'nack' } = service.custom?.rabbitmqEventSource ?? {};
  if (!url) {
    throw new Error(
      'The address of the broker is missing: set AMQP_URL or custom.rabbitmqEventSource.url, for example to amqp://user:password@host:5672.',
    );
  }
  if (!URL.canParse(url) || !/^amqps?:$/.test(new URL(url).protocol)) {
    throw new Error(
      'AMQP_URL (or custom.rabbitmqEventSource.url) is not an AMQP address such as amqp://user:password@host:5672.',
    );
  }
  if (onError !== 'nack' && onError !== 'reject') {
    throw new Error(`custom.rabbitmqEventSource.onError is "${String(onError)}": it must be "nack" or "reject".`);
  }
  return { url, onError };
}

/**
 * Returns every enabled `rabbitmq` event in serverless.yml. If the URL of the broker contains a virtual host, all
 * events use this virtual host instead of their own.
 */
export function declaredMappings({ service }: Serverless, url: string, log: Log): DeclaredMapping[] {
  const { concurrency = {}, ordered = [] } = service.custom?.rabbitmqEventSource ?? {};
  const urlVirtualHost = percentDecoded(new URL(url).pathname.slice(1));
  return Object.entries(service.functions).flatMap(([functionKey, { events = [] }]) =>
    events.flatMap(({ rabbitmq: event }) => {
      if (!event || event.enabled === false) return [];
      if (event.filterPatterns) {
        log.warning(
          `Function "${functionKey}": filterPatterns are not applied locally; on AWS, messages that do not match are LOST.`,
        );
      }
      return {
        functionKey,
        eventSourceArn: typeof event.arn === 'string' ? event.arn : localArn,
        queue: event.queue,
        virtualHost: urlVirtualHost || (event.virtualHost ?? '/'),
        concurrency: concurrencyFor(event.queue, concurrency, ordered),
        batchSize: event.batchSize ?? defaultBatchSize,
        // Serverless omits a window of 0 from the template, and AWS then applies the default window.
        batchingWindowMs: (event.maximumBatchingWindow || defaultWindowSeconds) * 1000,
      };
    }),
  );
}

function concurrencyFor(queue: string, byQueue: Record<string, number>, ordered: readonly string[]): number {
  const { [queue]: concurrency = 1 } = byQueue;
  if (!Number.isInteger(concurrency) || concurrency < 1 || concurrency > maxConcurrency)
    throw new Error(
      `custom.rabbitmqEventSource.concurrency is ${JSON.stringify(concurrency)} for the queue "${queue}": it must be a whole number from 1 to ${maxConcurrency}.`,
    );
  if (concurrency > 1 && ordered.includes(queue))
    throw new Error(
      `custom.rabbitmqEventSource.concurrency is ${concurrency} for the queue "${queue}", which keeps order per key. Several execution environments cannot keep the order: set the concurrency to 1.`,
    );
  return concurrency;
}

export const mappingLine = (
  { functionKey, queue, virtualHost, batchSize, batchingWindowMs, concurrency }: DeclaredMapping,
  url: string,
): string =>
  `Function "${functionKey}" reads queue "${queue}" of virtual host "${virtualHost}" at ${brokerName(url)} ` +
  `(batch size ${batchSize}, batching window ${batchingWindowMs / 1000} s` +
  `${concurrency > 1 ? `, ${concurrency} concurrent environments` : ''}).`;

/**
 * Returns the settings of the emulated execution environments of a function, including the environment variables that
 * serverless-offline would set.
 */
export function environmentSettings(serverless: Serverless, functionKey: string): Omit<EnvironmentSettings, 'onLine'> {
  const { provider, custom, functions } = serverless.service;
  const { name, handler, timeout, memorySize, environment } = functions[functionKey]!;
  const offline = custom?.['serverless-offline'];
  const split = handler.indexOf('.', handler.lastIndexOf('/'));
  const memoryMb = memorySize ?? provider.memorySize ?? defaultMemoryMb;
  const region = provider.region ?? 'us-east-1';
  const inherited = Object.entries(process.env).filter(([key]) => offline?.localEnvironment || key.startsWith('AWS_'));
  return {
    modulePath: resolve(serverless.serviceDir, offline?.location ?? '', handler.slice(0, split)),
    exportName: handler.slice(split + 1),
    workingDirectory: serverless.serviceDir,
    timeoutMs: (timeout ?? provider.timeout ?? defaultTimeoutSeconds) * 1000,
    memoryMb,
    variables: {
      ...Object.fromEntries(inherited.filter((entry): entry is [string, string] => entry[1] !== undefined)),
      _HANDLER: handler,
      AWS_DEFAULT_REGION: region,
      AWS_REGION: region,
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(memoryMb),
      AWS_LAMBDA_FUNCTION_NAME: name,
      AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
      AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${name}`,
      AWS_LAMBDA_LOG_STREAM_NAME: 'local/[$LATEST]',
      TZ: 'UTC',
      ...plainVariables(provider.environment),
      ...plainVariables(environment),
      IS_OFFLINE: 'true',
    },
  };
}

// Variables whose value is an intrinsic function of CloudFormation are left out, because they have no value locally.
function plainVariables(variables: Record<string, unknown> = {}): Record<string, string> {
  const plain = Object.entries(variables).filter(([, value]) => value !== null && typeof value !== 'object');
  return Object.fromEntries(plain.map(([key, value]) => [key, String(value)]));
}
