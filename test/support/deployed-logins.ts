import type { Surehop } from '../../lib/runtime/surehop.ts';
import type { VirtualHost } from './broker.ts';
import { brokerRoles } from './example/topology.ts';
import type { Login } from '../../lib/rabbitmq/address.ts';
import type { BrokerRole } from '../../lib/rabbitmq/management/roles.ts';

/**
 * Returns the addresses of the broker and its management API. Like the addresses that deployed functions receive, they
 * contain no username and no password.
 */
export function addressesOf(host: VirtualHost): { readonly endpoint: string; readonly managementUrl: string } {
  const without = (address: string) => {
    const url = new URL(address);
    [url.username, url.password] = ['', ''];
    return url.href;
  };
  return { endpoint: without(host.amqpUrl), managementUrl: without(process.env['MANAGEMENT_URL']!) };
}

/** Creates the toolkit with the settings of a deployed function, which reads its broker login from a secret. */
export async function asDeployed(
  host: VirtualHost,
  secretArn: string,
  settings: Record<string, string> = {},
): Promise<Surehop> {
  const { endpoint, managementUrl } = addressesOf(host);
  const deployed = {
    AMQP_URL: '',
    BROKER_ENDPOINT: endpoint,
    BROKER_SECRET_ARN: secretArn,
    MANAGEMENT_URL: managementUrl,
    ...settings,
  };
  const before = Object.fromEntries(Object.keys(deployed).map((name) => [name, process.env[name]]));
  Object.assign(process.env, deployed);
  const { surehop } = await import('../../functions/surehop.ts');
  for (const [name, value] of Object.entries(before))
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  return surehop;
}

/**
 * Returns the username and password of the broker's administrator as JSON text, in the format of a secret in Secrets
 * Manager.
 */
export function administrator(): string {
  const url = new URL(process.env['AMQP_URL']!);
  return JSON.stringify({ username: url.username || 'guest', password: url.password || 'guest' });
}

/**
 * Returns broker roles with usernames that are unique to one virtual host. The default roles are those of the tests'
 * example domain, which is a lending library.
 */
export const rolesOf = ({ name }: VirtualHost, roles: readonly BrokerRole[] = brokerRoles): BrokerRole[] =>
  roles.map((role) => ({
    ...role,
    usernames: [`${role.usernames[0]}-${name}`, `${role.usernames[1]}-${name}`],
  }));

/** Returns the login of the first user of each broker role, by the name of the role. */
export const firstLogins = (roles: readonly BrokerRole[]): Record<string, Login> =>
  Object.fromEntries(
    roles.map(({ name, usernames }) => [name, { username: usernames[0], password: `first-password-of-${name}` }]),
  );

export async function removeUsers(host: VirtualHost, roles: readonly BrokerRole[]): Promise<void> {
  for (const username of roles.flatMap(({ usernames }) => usernames))
    await host.manage('DELETE', `users/${username}`).catch(() => {});
}
