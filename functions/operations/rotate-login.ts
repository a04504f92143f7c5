import { log } from 'surehop';
import { rotate, secretsManager, type RotationEvent } from 'surehop/aws';
import { brokerAccess, brokerSettings, loginRotation } from 'surehop/management';

import { brokerRoles } from '../../infra/topology.ts';
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
