import { brokerRoles } from '../../infra/topology.ts';
import type { Login } from '../../lib/rabbitmq/address.ts';
import type { BrokerRole } from '../../lib/rabbitmq/admin/roles.ts';
import type { VirtualHost } from './broker.ts';

/** The broker's roles with usernames that contain the virtual host's name, because users belong to the whole broker. */
export const rolesOf = ({ name }: VirtualHost): BrokerRole[] =>
  brokerRoles.map((role) => ({
    ...role,
    usernames: [`${role.usernames[0]}-${name}`, `${role.usernames[1]}-${name}`],
  }));

/** The login of each role's first user. */
export const firstLogins = (roles: readonly BrokerRole[]): Record<string, Login> =>
  Object.fromEntries(
    roles.map(({ name, usernames }) => [name, { username: usernames[0], password: `first-password-of-${name}` }]),
  );

export async function removeUsers(host: VirtualHost, roles: readonly BrokerRole[]): Promise<void> {
  for (const username of roles.flatMap(({ usernames }) => usernames))
    await host.manage('DELETE', `users/${username}`).catch(() => {});
}
