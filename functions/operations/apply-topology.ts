import { brokerAccess } from '../../lib/rabbitmq/admin/broker-access.ts';
import { ensureUsers } from '../../lib/rabbitmq/admin/broker-user.ts';
import { applyTopology, requireSafe } from '../../lib/rabbitmq/topology/apply.ts';
import { planLine } from '../../lib/rabbitmq/topology/describe.ts';
import { parseLogin } from '../../lib/rabbitmq/login.ts';
import { readRoles, readTopology } from '../../lib/rabbitmq/topology/read-declaration.ts';
import { systemClock } from '../../lib/runtime/clock.ts';
import { config } from '../../lib/runtime/config.ts';
import { customResource, type Change } from '../../lib/aws/custom-resource.ts';
import { log } from '../../lib/runtime/log.ts';
import { createSecretReader, secretsManager } from '../../lib/runtime/secrets.ts';

/** For one request to the management API. */
const PATIENCE_MS = 10_000;

/** The properties that name the secret with the first login of each role. */
const loginProperties = { publisher: 'PublisherLogin', consumer: 'ConsumerLogin', monitor: 'MonitorLogin' } as const;

/**
 * The broker's exchanges, queues, bindings, policies and users, as a resource of the stack. They come as properties, not
 * from this bundle, so that a stack that rolls back declares what it had before.
 */
async function apply({ properties, previous, signal }: Change): Promise<void> {
  const topology = readTopology(properties['Topology']);
  const roles = readRoles(properties['Roles']);
  const broker = await brokerAccess(config(), { timeoutMs: PATIENCE_MS, signal });
  const before = previous?.['Topology'] === undefined ? undefined : readTopology(previous['Topology']);
  const differences = await applyTopology(broker, topology, before);

  const readSecret = createSecretReader(secretsManager(), systemClock);
  for (const role of roles) {
    const property = loginProperties[role.name as keyof typeof loginProperties];
    const secretArn = properties[property];
    if (typeof secretArn !== 'string') throw new Error(`no secret for the role ${role.name}: set ${property}`);
    await ensureUsers(broker, role, parseLogin(await readSecret(secretArn), property));
  }

  await requireSafe(broker, topology);
  log().info('topology applied', { changes: differences.map(planLine) });
}

export const handler = customResource('broker-topology', { apply });
