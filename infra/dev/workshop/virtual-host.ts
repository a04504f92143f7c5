import { randomUUID } from 'node:crypto';
import { createManagementApi, loginOf, type BrokerAccess } from 'surehop/management';

const REQUEST_TIMEOUT_MS = 10_000;

interface VirtualHost extends BrokerAccess {
  readonly name: string;
  remove(): Promise<void>;
}

/** Creates a virtual host with a random name, so that tests that share a broker do not affect each other. */
export async function createVirtualHost(broker: { amqpUrl: string; managementUrl: string }): Promise<VirtualHost> {
  const name = `workshop-${randomUUID()}`;
  const url = new URL(broker.managementUrl);
  const amqpUrl = new URL(broker.amqpUrl);
  const login = loginOf(amqpUrl);
  amqpUrl.pathname = `/${name}`;
  const api = createManagementApi({
    url: url.href,
    login: async () => (url.username ? loginOf(url) : login),
    virtualHost: name,
    timeoutMs: REQUEST_TIMEOUT_MS,
  });
  await api.put(['vhosts', name], {});
  await api.put(['permissions', name, login.username], { configure: '.*', write: '.*', read: '.*' });
  return { name, amqpUrl: amqpUrl.href, api, remove: () => api.remove(['vhosts', name]) };
}
