import { brokerRoles } from '../../infra/topology.ts';
import { rotate, type RotationEvent } from '../../lib/aws/rotation.ts';
import { brokerAccess } from '../../lib/rabbitmq/admin/management-api.ts';
import { loginRotation } from '../../lib/rabbitmq/admin/rotate-login.ts';
import { brokerSettings } from '../../lib/rabbitmq/settings.ts';
import { log } from '../../lib/runtime/log.ts';
import { secretsManager } from '../../lib/runtime/secrets.ts';
import { surehop } from '../surehop.ts';

const settings = surehop.settings(brokerSettings);

/** The timeout of one request to RabbitMQ's management API, in ms. */
const TIMEOUT_MS = 10_000;

/** Secrets Manager rotates the login of a broker role in four steps. This function handles one step per invocation. */
export async function handler(event: RotationEvent): Promise<void> {
  const { Step: step, SecretId: secretId } = event;
  const broker = () => brokerAccess(settings, { timeoutMs: TIMEOUT_MS });
  await rotate(secretsManager(), event, loginRotation(broker, brokerRoles));
  log().info('login rotation step done', { step, secretId });
}
