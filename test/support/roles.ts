import { brokerRoles } from '../../infra/topology.ts';
import type { Login } from '../../lib/rabbitmq/address.ts';
import type { BrokerRole } from '../../lib/rabbitmq/admin/roles.ts';
import type { VirtualHost } from './broker.ts';

/** The roles with users of this virtual host's own, since users belong to the whole broker. */
export const rolesOf = ({ name }: VirtualHost): BrokerRole[] =>
  brokerRoles.map((role) => ({
    ...role,
    usernames: [`${role.usernames[0]}-${name}`, `${role.usernames[1]}-${name}`],
  }));

/** The first user of each role, with a password. */
export const firstLogins = (roles: readonly BrokerRole[]): Record<string, Login> =>
  Object.fromEntries(
    roles.map(({ name, usernames }) => [name, { username: usernames[0], password: `first-password-of-${name}` }]),
  );

export async function removeUsers(host: VirtualHost, roles: readonly BrokerRole[]): Promise<void> {
  for (const username of roles.flatMap(({ usernames }) => usernames))
    await host.manage('DELETE', `users/${username}`).catch(() => {});
}
