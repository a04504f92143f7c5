import { brokerRoles } from '../../infra/topology.ts';
import { brokerAccess } from '../../lib/rabbitmq/admin/broker-access.ts';
import { loginRotation } from '../../lib/rabbitmq/admin/rotate-login.ts';
import { config, readConfig } from '../../lib/runtime/config.ts';
import { log } from '../../lib/runtime/log.ts';
import { rotate, type RotationEvent } from '../../lib/aws/rotation.ts';
import { secretsManager } from '../../lib/runtime/secrets.ts';

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
