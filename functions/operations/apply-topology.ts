import { log } from 'surehop';
import { createSecretReader, customResource, secretsManager, type Change } from 'surehop/aws';
import { brokerAccess, brokerSettings, ensureUsers, parseLogin } from 'surehop/management';
import { applyTopology, planLine, readRoles, readTopology, requireSafe } from 'surehop/topology-changes';

/** The timeout of one request to RabbitMQ's management API, in ms. */
const TIMEOUT_MS = 10_000;

/** For each broker role, the property of the custom resource that contains the ARN of the role's login secret. */
const loginProperties = { publisher: 'PublisherLogin', consumer: 'ConsumerLogin', monitor: 'MonitorLogin' } as const;

/**
 * Handles the custom resource that creates and updates the broker's exchanges, queues, bindings, policies and users.
 * CloudFormation passes the topology in the properties of the resource, and therefore rolling back a stack update also
 * restores the earlier topology.
 */
async function apply({ properties, previous, signal }: Change): Promise<void> {
  // surehop.ts is imported only here, so that CloudFormation gets an answer even if a setting is wrong.
  const { surehop } = await import('../surehop.ts');
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
