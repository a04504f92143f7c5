import { rotate, type RotationEvent } from '../aws/rotation.ts';
import { brokerAccess } from '../rabbitmq/management/management-api.ts';
import type { BrokerRole } from '../rabbitmq/management/roles.ts';
import { loginRotation } from '../rabbitmq/management/rotate-login.ts';
import { brokerSettings } from '../rabbitmq/settings.ts';
import { log } from '../runtime/log.ts';
import { secretsManager } from '../runtime/secrets.ts';
import type { Surehop } from '../runtime/surehop.ts';

/** The timeout of one request to RabbitMQ's management API, in ms. */
const TIMEOUT_MS = 10_000;

/**
 * Creates the handler with which Secrets Manager rotates the logins of the broker roles. Secrets Manager invokes the
 * handler once for each of four steps.
 */
export function rotateLogin(surehop: Surehop, roles: readonly BrokerRole[]): (event: RotationEvent) => Promise<void> {
  const settings = surehop.settings(brokerSettings);
  const broker = () => brokerAccess(settings, { timeoutMs: TIMEOUT_MS });
  return async (event) => {
    const { Step: step, SecretId: secretId } = event;
    await rotate(secretsManager(), event, loginRotation(broker, roles));
    log().info('finished a step of a login rotation', { step, secretId });
  };
}
