import type { EventDefinition } from 'surehop/events';
import type { Table } from 'surehop/tables';
import type { Topology, WorkQueue } from 'surehop/topology';

import { UsageError } from '../commands/command.ts';
import type { Changes } from './changes.ts';

export interface Service {
  readonly queues: Readonly<Record<string, WorkQueue>>;
  readonly tables: Readonly<Record<string, Table<any, any>>>;
  readonly topology: Pick<Topology, 'exchanges'>;
  /** Loads the events that a module of the project exports, by the names of the exports. */
  readonly loadEvents: (file: string) => Promise<Readonly<Record<string, EventDefinition<unknown>>>>;
}

/**
 * Returns the only topic exchange of the service. Throws a `UsageError` if the service has several topic exchanges or
 * none.
 */
export function exchangeOf({ topology }: Service): string {
  const topics = topology.exchanges.filter(({ type }) => type === 'topic').map(({ name }) => name);
  if (topics.length === 1) return topics[0]!;
  const choices = topics.length > 1 ? `: one of ${topics.join(', ')}, or a new name` : '';
  throw new UsageError(`pass --exchange with the name of the exchange to which the event is published${choices}`);
}

/**
 * Throws a `UsageError` if events cannot be published to the exchange `name`: the name is invalid or reserved, or the
 * exchange is not a topic exchange.
 */
export function requireExchange({ topology }: Service, name: string): void {
  if (!/^[\w.:-]{1,200}$/.test(name))
    throw new UsageError(`"${name}" cannot be the name of an exchange: use letters, digits, "_", ".", ":" and "-"`);
  const existing = topology.exchanges.find((exchange) => exchange.name === name);
  const isReserved = /^(amq|retry)\./.test(name);
  const reason = isReserved ? 'names that begin with "amq." or "retry." are reserved' : 'it is not a topic exchange';
  if (isReserved || (existing && existing.type !== 'topic'))
    throw new UsageError(
      `events cannot be published to the exchange ${name}, because ${reason}: choose another --exchange`,
    );
}

export function requireName(name: string, kind: string): void {
  if (!/^[a-z][a-z0-9-]*$/.test(name))
    throw new UsageError(`"${name}" cannot be the name of a ${kind}: use lower-case letters, digits and hyphens`);
}

export function requireServerlessYml(changes: Changes): string {
  const text = changes.read('serverless.yml');
  if (text === undefined) throw new UsageError('serverless.yml is missing: run surehop add in the folder of a service');
  return text;
}
