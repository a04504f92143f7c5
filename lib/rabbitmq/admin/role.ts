/** What the users of one role may do in the virtual host; each right is a regular expression over names. */
export interface BrokerRole {
  readonly name: string;
  /** Two users that take turns: while one is in use, the other's password can be changed. */
  readonly usernames: readonly [string, string];
  /** What they may do in the management API (https://www.rabbitmq.com/docs/management#permissions). */
  readonly tags: readonly string[];
  readonly configure: string;
  readonly write: string;
  readonly read: string;
}

/** The role whose user this is. */
export function roleOf(username: string, roles: readonly BrokerRole[]): BrokerRole {
  const role = roles.find(({ usernames }) => usernames.includes(username));
  if (role) return role;
  const known = roles.flatMap(({ usernames }) => usernames).join(', ');
  throw new Error(`no role has a user "${username}"; known are ${known}`);
}

/** The user who takes the next turn. */
export const otherUser = ({ usernames: [one, other] }: BrokerRole, username: string): string =>
  username === one ? other : one;
