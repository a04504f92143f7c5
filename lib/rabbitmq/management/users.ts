import * as z from 'zod';

import type { Login } from '../address.ts';
import { canLogIn } from '../open-connection.ts';
import type { BrokerAccess, ManagementApi } from './management-api.ts';
import type { BrokerRole } from './roles.ts';

const user = z.object({
  password_hash: z.string(),
  hashing_algorithm: z.string(),
  // RabbitMQ before 3.9 lists the tags in one string, separated by commas.
  tags: z.union([z.array(z.string()), z.string().transform((tags) => tags.split(',').filter(Boolean))]),
});

/**
 * Ensures that the broker user that `login` names exists and can log in with the password in `login`. Gives every
 * existing broker user of `role` the tags and permissions of `role`.
 */
export async function ensureUsers({ amqpUrl, api }: BrokerAccess, role: BrokerRole, login: Login): Promise<void> {
  const usersOfRole = role.usernames.join(' or ');
  if (!role.usernames.includes(login.username))
    throw new Error(`the login of role ${role.name} names the user "${login.username}" instead of ${usersOfRole}`);
  for (const username of role.usernames) {
    const isLogin = username === login.username;
    const known = await api.find(['users', username], user);
    if (!known && !isLogin) continue;
    if (!known) await setPassword(api, role, login);
    else if (known.tags.toSorted().join() !== role.tags.toSorted().join())
      // Without the password hash, this request would remove the user's password.
      await api.put(['users', username], { ...known, tags: role.tags.join(',') });
    await grant(api, role, username);
    if (known && isLogin && !(await canLogIn(amqpUrl, login))) await setPassword(api, role, login);
  }
}

/** Creates the broker user or changes the user's password. Connections that are already open stay open. */
export async function setPassword(
  api: ManagementApi,
  { tags }: BrokerRole,
  { username, password }: Login,
): Promise<void> {
  await api.put(['users', username], { password, tags: tags.join(',') });
}

export async function grant(
  api: ManagementApi,
  { configure, write, read }: BrokerRole,
  username: string,
): Promise<void> {
  await api.put(['permissions', api.virtualHost, username], { configure, write, read });
}

/** Returns the number of open connections of a broker user. The number may be up to five seconds old. */
export async function countConnections(api: ManagementApi, username: string): Promise<number> {
  return (await api.get(['connections', 'username', username], z.array(z.unknown()))).length;
}
