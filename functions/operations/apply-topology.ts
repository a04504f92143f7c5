import { brokerAccess } from '../../lib/rabbitmq/admin/management-api.ts';
import { ensureUsers } from '../../lib/rabbitmq/admin/users.ts';
import { applyTopology, requireSafe } from '../../lib/rabbitmq/topology/apply.ts';
import { planLine } from '../../lib/rabbitmq/topology/describe.ts';
import { parseLogin } from '../../lib/rabbitmq/login.ts';
import { readRoles, readTopology } from '../../lib/rabbitmq/topology/read-declaration.ts';
import { brokerSettings } from '../../lib/rabbitmq/settings.ts';
import { customResource, type Change } from '../../lib/aws/custom-resource.ts';
import { log } from '../../lib/runtime/log.ts';
import { createSecretReader, secretsManager } from '../../lib/runtime/secrets.ts';
import { surehop } from '../surehop.ts';

/** How long one request to the management API may take, in ms. */
const TIMEOUT_MS = 10_000;

/** The resource property with the ARN of each role's secret, which holds its first login. */
const loginProperties = { publisher: 'PublisherLogin', consumer: 'ConsumerLogin', monitor: 'MonitorLogin' } as const;

/**
 * Applies the broker's exchanges, queues, bindings, policies and users, as a resource of the stack. The topology is in the
 * resource's properties, not in this bundle, so that a stack that rolls back also restores its earlier topology.
 */
async function apply({ properties, previous, signal }: Change): Promise<void> {
  const topology = readTopology(properties['Topology']);
  const roles = readRoles(properties['Roles']);
  const broker = await brokerAccess(surehop.settings(brokerSettings), { timeoutMs: TIMEOUT_MS, signal });
  const before = previous?.['Topology'] === undefined ? undefined : readTopology(previous['Topology']);
  const differences = await applyTopology(broker, topology, before);

  const readSecret = createSecretReader(secretsManager(), surehop.clock);
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
