import type { ConsumerDependencies, ConsumerPorts } from '../consumer/dependencies.ts';
import { consumerSettings } from '../consumer/settings.ts';
import type { Message } from '../events/message.ts';
import type { Publisher } from '../events/publish.ts';
import { inboxSettings } from '../inbox/settings.ts';
import { itemId } from '../dynamodb/item.ts';
import { keyToRead, parseItem } from '../dynamodb/read-item.ts';
import { brokerSettings } from '../rabbitmq/settings.ts';
import type { Clock } from '../runtime/clock.ts';
import { PublishError, StoreUnavailableError } from '../runtime/errors.ts';
import { serviceSettings } from '../runtime/service-settings.ts';
import { readSettings, type Environment } from '../runtime/settings.ts';
import { memoryPorts, type MemoryStore } from './memory-store.ts';

export interface Call {
  readonly to: string;
  readonly args: readonly any[];
}

export type Gate = <T>(call: Call, run: () => Promise<T>, fail: () => T | Promise<T>) => Promise<T>;

interface Backend {
  readonly store: MemoryStore;
  readonly clock: Clock;
  readonly settings: ConsumerDependencies['settings'];
  readonly take: (message: Message) => PublishError | undefined;
}

/** The time at which every simulation starts, in ms since the epoch. */
export const START_MS = Date.parse('2026-01-01T00:00:00Z');

/** How long each simulated invocation may run, in ms. */
export const INVOCATION_MS = 60_000;

export const memorySettings = (environment: Environment): ConsumerDependencies['settings'] => ({
  ...readSettings(serviceSettings, environment),
  ...readSettings(brokerSettings, environment),
  ...readSettings(consumerSettings, environment),
  ...readSettings(inboxSettings, environment),
});

/**
 * Creates the clients of a consumer with an in-memory store and an in-memory broker. `gate` decides whether each call
 * of a client succeeds, fails or crashes the process.
 */
export function gatedDependencies({ store, clock, settings, take }: Backend, gate: Gate): ConsumerDependencies {
  const unavailable = async (): Promise<never> => {
    throw new StoreUnavailableError();
  };
  const gated = (port: string, methods: object) =>
    Object.fromEntries(
      Object.entries(methods).map(([name, method]) => [
        name,
        (...args: unknown[]) =>
          gate<unknown>(
            { to: `${port}.${name}`, args },
            () => (method as (...all: unknown[]) => Promise<unknown>)(...args),
            name === 'commit' ? () => unknown(args) : unavailable,
          ),
      ]),
    );
  const ports = Object.fromEntries(
    Object.entries(memoryPorts(store, clock)).map(([port, methods]) => [port, gated(port, methods)]),
  ) as unknown as ConsumerPorts;
  const publishAll: Publisher['publishAll'] = (messages) =>
    gate<(PublishError | undefined)[]>(
      { to: 'broker.publish', args: [messages] },
      async () => messages.map(take),
      () => messages.map(() => new PublishError('UNCONFIRMED', 'no answer', { indeterminate: true })),
    );
  return {
    ...ports,
    publisher: { publish: async () => {}, publishAll, close: async () => {} },
    archiveDeadLetter: () =>
      Promise.reject(
        new Error('the consumer archived a message as too large, but the simulated broker has no size limit'),
      ),
    clock,
    settings,
    read: (table, key) => {
      const attributes = keyToRead(table, key);
      return gate(
        { to: 'store.read', args: [table.name, attributes] },
        async () => {
          const item = store.items.get(itemId(table.name, attributes))?.item;
          return item && parseItem(table, attributes, item);
        },
        unavailable,
      );
    },
  };
}

const unknown = ([, entries]: readonly unknown[]) =>
  (entries as unknown[]).map(() => ({ is: 'unfinished', error: new StoreUnavailableError() }));
