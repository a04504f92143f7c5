import * as z from 'zod';

import { canLogIn } from './log-in.ts';
import type { BrokerAccess } from './broker-access.ts';
import type { Login } from '../address.ts';
import type { ManagementApi } from './management-api.ts';
import type { BrokerRole } from './roles.ts';

const user = z.object({
  password_hash: z.string(),
  hashing_algorithm: z.string(),
  // RabbitMQ before 3.9 lists them in one text.
  tags: z.union([z.array(z.string()), z.string().transform((tags) => tags.split(',').filter(Boolean))]),
});

/** Gives the users of `role` its rights, makes that of `login` where there is none, and sets its password where the broker refuses it. */
export async function ensureUsers({ amqpUrl, api }: BrokerAccess, role: BrokerRole, login: Login): Promise<void> {
  if (!role.usernames.includes(login.username))
    throw new Error(
      `the login of role ${role.name} is for "${login.username}", not for ${role.usernames.join(' or ')}`,
    );
  for (const username of role.usernames) {
    const isLogin = username === login.username;
    const known = await api.find(['users', username], user);
    if (!known && !isLogin) continue;
    if (!known) await setPassword(api, role, login);
    else if (known.tags.toSorted().join() !== role.tags.toSorted().join())
      // Without its hash the password would be taken away.
      await api.put(['users', username], { ...known, tags: role.tags.join(',') });
    await grant(api, role, username);
    if (known && isLogin && !(await canLogIn(amqpUrl, login))) await setPassword(api, role, login);
  }
}

/** Makes the user, or gives it this password. Connections that are open stay open. */
export async function setPassword(
  api: ManagementApi,
  { tags }: BrokerRole,
  { username, password }: Login,
): Promise<void> {
  await api.put(['users', username], { password, tags: tags.join(',') });
}

/** Gives the user the rights of the role in the virtual host, and takes every other. */
export async function grant(
  api: ManagementApi,
  { configure, write, read }: BrokerRole,
  username: string,
): Promise<void> {
  await api.put(['permissions', api.virtualHost, username], { configure, write, read });
}

/** How many connections the user has, as of some seconds ago. */
export async function countConnections(api: ManagementApi, username: string): Promise<number> {
  return (await api.get(['connections', 'username', username], z.array(z.unknown()))).length;
}
