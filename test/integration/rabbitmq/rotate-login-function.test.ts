import { afterAll, beforeAll, expect, test } from '@jest/globals';

import { brokerRoles } from '../../../infra/topology.ts';
import { canLogIn } from '../../../lib/rabbitmq/open-connection.ts';
import type { Login } from '../../../lib/rabbitmq/address.ts';
import type { RotationEvent } from '../../../lib/aws/rotation.ts';
import { addressesOf, administrator, asDeployed, removeUsers } from '../../support/deployed-logins.ts';
import { aVirtualHost, type VirtualHost } from '../../support/broker.ts';
import { aSecretsManager, type SecretsManager } from '../../support/secrets-manager.ts';

let host: VirtualHost;
let secrets: SecretsManager;
let handler: (event: RotationEvent) => Promise<void>;
const role = brokerRoles.find(({ name }) => name === 'monitor');

beforeAll(async () => {
  host = await aVirtualHost();
  secrets = await aSecretsManager();
  await asDeployed(host, secrets.create('administrator', administrator()));
  ({ handler } = await import('../../../functions/operations/rotate-login.ts'));
});
afterAll(async () => {
  await removeUsers(host, [role!]);
  await host.remove();
  await secrets.stop();
});

test('the rotation function, logged in as the administrator, performs the four rotation steps for another login, and the broker then accepts the new login', async () => {
  const arn = secrets.create('monitor', JSON.stringify({ username: 'monitor-a', password: 'the first' }));
  const token = secrets.beginRotation(arn);
  for (const Step of ['createSecret', 'setSecret', 'testSecret', 'finishSecret'] as const)
    await handler({ Step, SecretId: arn, ClientRequestToken: token });
  const login = JSON.parse(secrets.current(arn)) as Login;
  expect(login.username).toBe('monitor-b');
  expect(await canLogIn(addressesOf(host).endpoint, login)).toBe(true);
});

test('the rotation function throws an error for an unknown rotation step', async () => {
  const arn = secrets.create('other', JSON.stringify({ username: 'monitor-a', password: 'the first' }));
  const event = { Step: 'eatSecret', SecretId: arn, ClientRequestToken: secrets.beginRotation(arn) };
  await expect(handler(event as unknown as RotationEvent)).rejects.toThrow(
    /Secrets Manager sent the unknown rotation step "eatSecret"/,
  );
});
