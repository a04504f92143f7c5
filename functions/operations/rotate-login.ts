import { brokerRoles } from '../../infra/broker-users.ts';
import { brokerAccess } from '../../lib/broker/broker-access.ts';
import { loginRotation } from '../../lib/broker/rotate-login.ts';
import { config, readConfig } from '../../lib/config.ts';
import { log } from '../../lib/log.ts';
import { rotate, type RotationEvent } from '../../lib/rotation.ts';
import { secretsManager } from '../../lib/secrets.ts';

// Wrong settings fail the start of the function, not its first invocation.
readConfig(process.env);

/** For one request to the management API. */
const PATIENCE_MS = 10_000;

/** Takes one of the four steps by which Secrets Manager rotates the login of a role. */
export async function handler(event: RotationEvent): Promise<void> {
  const { Step: step, SecretId: secretId } = event;
  const broker = () => brokerAccess(config(), { timeoutMs: PATIENCE_MS });
  await rotate(secretsManager(), event, loginRotation(broker, brokerRoles));
  log().info('login rotation', { step, secretId });
}
