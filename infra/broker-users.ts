import type { BrokerRole } from '../lib/rabbitmq/admin/role.ts';
import { deadLetterQueue, queues, topology } from './topology.ts';

const NOTHING = '^$';

const oneOf = (names: readonly string[]) =>
  `^(${names.map((name) => name.replaceAll('.', String.raw`\.`)).join('|')})$`;

const twins = (role: string): readonly [string, string] => [`${role}-a`, `${role}-b`];

/** The default exchange, by which a redriven message goes straight to its queue. */
const DEFAULT_EXCHANGE = 'amq.default';

/**
 * Who may do what at the broker, beside the administrator: the least that works. None of them may declare or delete
 * anything.
 */
export const brokerRoles: readonly BrokerRole[] = [
  {
    // The functions: orders, follow-up events, retries, dead letters, redriven messages.
    name: 'publisher',
    usernames: twins('publisher'),
    tags: [],
    configure: NOTHING,
    write: oneOf([DEFAULT_EXCHANGE, ...topology.exchanges.map(({ name }) => name)]),
    read: NOTHING,
  },
  {
    // The event sources.
    name: 'consumer',
    usernames: twins('consumer'),
    tags: [],
    configure: NOTHING,
    write: NOTHING,
    read: oneOf([...Object.values(queues).flatMap(({ shards }) => shards), deadLetterQueue]),
  },
  {
    // Figures of queues and nodes from the management API, which shows nodes to this tag only; no message.
    name: 'monitor',
    usernames: twins('monitor'),
    tags: ['monitoring'],
    configure: NOTHING,
    write: NOTHING,
    read: NOTHING,
  },
];
