import { randomBytes } from 'node:crypto';

import type { RotationSteps } from '../../aws/rotation.ts';
import { countConnections, grant, setPassword } from './broker-user.ts';
import type { BrokerAccess } from './broker-access.ts';
import { canLogIn } from './log-in.ts';
import { parseLogin } from '../login.ts';
import { otherUser, roleOf, type BrokerRole } from './roles.ts';

/** 256 bits, in letters that need no escape in an address, and that Amazon MQ takes (no comma, colon or equal sign). */
const newPassword = () => randomBytes(32).toString('base64url');

/**
 * Rotates the login of a role between its two users. The user in use is never changed, so that no login is ever refused
 * on the way: who read the secret before the last step goes on as one user, who reads it after as the other.
 */
export function loginRotation(broker: () => Promise<BrokerAccess>, roles: readonly BrokerRole[]): RotationSteps {
  const read = (secret: string) => parseLogin(secret, 'the rotation');
  return {
    next(current) {
      const { username } = read(current);
      return JSON.stringify({ username: otherUser(roleOf(username, roles), username), password: newPassword() });
    },

    async set(pendingText, currentText) {
      const pending = read(pendingText);
      if (pending.username === read(currentText).username)
        throw new Error(`${pending.username} is in use: a rotation changes the other user of its role only`);
      const role = roleOf(pending.username, roles);
      const { amqpUrl, api } = await broker();
      if (await canLogIn(amqpUrl, pending).catch(() => false)) return grant(api, role, pending.username);
      const connections = await countConnections(api, pending.username);
      if (connections > 0)
        throw new Error(
          `${connections} connections still log in as ${pending.username}, which is not the current login: nothing was changed; ` +
            'wait until they are gone, or close them (DELETE /api/connections/username/NAME of the management API), and rotate again',
        );
      await setPassword(api, role, pending);
      await grant(api, role, pending.username);
    },

    async test(pendingText) {
      const pending = read(pendingText);
      const { amqpUrl } = await broker();
      if (!(await canLogIn(amqpUrl, pending))) throw new Error(`the broker refuses the login of ${pending.username}`);
    },
  };
}
