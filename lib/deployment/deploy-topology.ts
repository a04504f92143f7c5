import { customResource, type CustomResourceChange } from '../aws/custom-resource.ts';
import { brokerAccess } from '../rabbitmq/management/management-api.ts';
import { ensureUsers } from '../rabbitmq/management/users.ts';
import { parseLogin } from '../rabbitmq/login.ts';
import { brokerSettings } from '../rabbitmq/settings.ts';
import { applyTopology, requireSafe } from '../rabbitmq/topology/apply.ts';
import { planLine } from '../rabbitmq/topology/describe.ts';
import { readRoles, readTopology } from '../rabbitmq/topology/read-declaration.ts';
import { log } from '../runtime/log.ts';
import { createSecretReader, secretsManager } from '../runtime/secrets.ts';
import type { Surehop } from '../runtime/surehop.ts';

/** The timeout of one request to RabbitMQ's management API, in ms. */
const TIMEOUT_MS = 10_000;

const loginProperties = { publisher: 'PublisherLogin', consumer: 'ConsumerLogin', monitor: 'MonitorLogin' } as const;

/**
 * Creates the handler of the custom resource that applies the topology and the broker users. `load` imports the module
 * that sets up Surehop; if `load` fails, the handler still answers CloudFormation.
 */
export const deployTopology = (load: () => Promise<{ readonly surehop: Surehop }>) =>
  customResource('broker-topology', { apply: async (change) => apply((await load()).surehop, change) });

async function apply(surehop: Surehop, { properties, previous, signal }: CustomResourceChange): Promise<void> {
  // The topology is a property of the resource, and therefore rolling back a stack update also restores the earlier topology.
  const topology = readTopology(properties['Topology']);
  const roles = readRoles(properties['Roles']);
  const broker = await brokerAccess(surehop.settings(brokerSettings), { timeoutMs: TIMEOUT_MS, signal });
  const before = previous?.['Topology'] === undefined ? undefined : readTopology(previous['Topology']);
  const differences = await applyTopology(broker, topology, before);

  const readSecret = createSecretReader(secretsManager(), surehop.clock);
  for (const role of roles) {
    const property = loginProperties[role.name as keyof typeof loginProperties];
    const secretArn = properties[property];
    if (typeof secretArn !== 'string')
      throw new Error(
        `no secret for the role ${role.name}: set ${property} to the ARN of the secret with the login of the role`,
      );
    await ensureUsers(broker, role, parseLogin(await readSecret(secretArn), property));
  }

  await requireSafe(broker, topology);
  log().info('topology applied', { changes: differences.map(planLine) });
}
