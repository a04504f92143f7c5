import { randomBytes } from 'node:crypto';

import { countConnections, grant, setPassword } from './users.ts';
import type { BrokerAccess } from './management-api.ts';
import { parseLogin } from '../login.ts';
import { canLogIn } from '../open-connection.ts';
import { otherUser, roleOf, type BrokerRole } from './roles.ts';

/**
 * Generates a password of 256 random bits. The password needs no escaping in a URL, and contains no character that
 * Amazon MQ refuses.
 */
const newPassword = () => randomBytes(32).toString('base64url');

/**
 * Rotates the login of a role: gives the role's unused broker user a new password and makes it the current user. The
 * previous user keeps its password, so a process with the old secret can still log in.
 */
export function loginRotation(broker: () => Promise<BrokerAccess>, roles: readonly BrokerRole[]) {
  const read = (secret: string) => parseLogin(secret, 'the rotation');
  return {
    next(current: string) {
      const { username } = read(current);
      return JSON.stringify({ username: otherUser(roleOf(username, roles), username), password: newPassword() });
    },

    async set(pendingText: string, currentText: string) {
      const pending = read(pendingText);
      if (pending.username === read(currentText).username)
        throw new Error(
          `the current secret and the new secret both name the user ${pending.username}, but a rotation must switch to another user: start the rotation again`,
        );
      const role = roleOf(pending.username, roles);
      const { amqpUrl, api } = await broker();
      if (await canLogIn(amqpUrl, pending).catch(() => false)) return grant(api, role, pending.username);
      const connections = await countConnections(api, pending.username);
      if (connections > 0) {
        const inUse = connections === 1 ? '1 connection still uses' : `${connections} connections still use`;
        throw new Error(
          `the login was not rotated, because ${inUse} the user ${pending.username}, whose password would change: wait until the user has no connection, or close its connections (DELETE /api/connections/username/${pending.username} of the management API). Then rotate again.`,
        );
      }
      await setPassword(api, role, pending);
      await grant(api, role, pending.username);
    },

    async test(pendingText: string) {
      const pending = read(pendingText);
      const { amqpUrl } = await broker();
      if (!(await canLogIn(amqpUrl, pending)))
        throw new Error(
          `the broker refuses the new login of ${pending.username}, and therefore the current login stays in use`,
        );
    },
  };
}
