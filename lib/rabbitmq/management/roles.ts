import { DEAD_LETTERS } from '../topology/define.ts';
import { DELAY_QUEUE_NAMES } from '../topology/delays.ts';
import type { Topology } from '../topology/topology.ts';

/**
 * What the broker users of one role may do in the virtual host. Each permission is a regular expression for names of
 * exchanges and queues.
 */
export interface BrokerRole {
  readonly name: string;
  /**
   * The two broker users of the role. One user is the current login of the role. A rotation changes the password of the
   * other user, which then becomes the current login.
   */
  readonly usernames: readonly [string, string];
  /** The user tags, which grant access to the management API (https://www.rabbitmq.com/docs/management#permissions). */
  readonly tags: readonly string[];
  readonly configure: string;
  readonly write: string;
  readonly read: string;
}

const NOTHING = '^$';

const oneOf = (patterns: readonly string[]) => `^(${patterns.join('|')})$`;

const literal = (name: string) => name.replaceAll('.', String.raw`\.`);

/**
 * The name of the default exchange in RabbitMQ's permissions. Redrives publish copies of messages to the default
 * exchange.
 */
const DEFAULT_EXCHANGE = 'amq.default';

/**
 * Returns the roles of a service's broker users, apart from the administrator. No role may declare or delete anything.
 */
export function brokerRolesFor({ exchanges, queues }: Topology): readonly BrokerRole[] {
  const isDelay = new RegExp(`^${DELAY_QUEUE_NAMES}$`);
  const published = exchanges.map(({ name }) => name).filter((name) => !isDelay.test(name));
  const read = queues.map(({ name }) => name).filter((name) => !isDelay.test(name) && name !== DEAD_LETTERS);
  const role = (name: string, permissions: Partial<BrokerRole>): BrokerRole => ({
    name,
    usernames: [`${name}-a`, `${name}-b`],
    tags: [],
    configure: NOTHING,
    write: NOTHING,
    read: NOTHING,
    ...permissions,
  });
  return [
    // The role of the Lambda functions. Functions of the previous release may still publish to delay queues that the
    // topology no longer uses.
    role('publisher', { write: oneOf([...[DEFAULT_EXCHANGE, ...published].map(literal), DELAY_QUEUE_NAMES]) }),
    // The role of the event sources, which read the queues.
    role('consumer', { read: oneOf([...read, DEAD_LETTERS].map(literal)) }),
    // The management API shows the figures of nodes only to users with the tag "monitoring".
    role('monitor', { tags: ['monitoring'] }),
  ];
}

export function roleOf(username: string, roles: readonly BrokerRole[]): BrokerRole {
  const role = roles.find(({ usernames }) => usernames.includes(username));
  if (role) return role;
  const known = roles.flatMap(({ usernames }) => usernames).join(', ');
  throw new Error(`the login names the user "${username}", which belongs to no role; known users: ${known}`);
}

export const otherUser = ({ usernames: [one, other] }: BrokerRole, username: string): string =>
  username === one ? other : one;
