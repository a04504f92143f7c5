import * as z from 'zod';

import type { ManagementApi } from '../management/management-api.ts';
import type { BrokerPolicy } from './by-version.ts';
import { isSameBinding, type Binding } from './topology.ts';

const exchange = z.object({
  name: z.string(),
  type: z.string(),
  durable: z.boolean(),
  auto_delete: z.boolean(),
  arguments: z.record(z.string(), z.unknown()),
});

const queue = z.object({
  name: z.string(),
  type: z.string().default('classic'),
  durable: z.boolean(),
  auto_delete: z.boolean(),
  arguments: z.record(z.string(), z.unknown()),
});

const binding = z.object({
  source: z.string(),
  destination: z.string(),
  destination_type: z.string(),
  routing_key: z.string(),
  properties_key: z.string(),
});

const policy = z.object({
  name: z.string(),
  pattern: z.string(),
  'apply-to': z.string(),
  priority: z.number(),
  definition: z.record(z.string(), z.unknown()),
});

export interface BrokerState {
  /** The version of RabbitMQ, for example "4.3.6". */
  readonly version: string;
  readonly exchanges: readonly z.infer<typeof exchange>[];
  readonly queues: readonly z.infer<typeof queue>[];
  readonly bindings: readonly z.infer<typeof binding>[];
  readonly policies: readonly BrokerPolicy[];
  /** The operator policies of the broker, which can only make the limits of other policies stricter. */
  readonly operatorPolicies: readonly BrokerPolicy[];
}

export async function readBrokerState(api: ManagementApi): Promise<BrokerState> {
  const host = api.virtualHost;
  const list = <T>(kind: string, item: z.ZodType<T>, columns: string) =>
    api.get([kind, host], z.array(item), columns ? { columns } : undefined);
  const [overview, exchanges, queues, bindings, policies, operatorPolicies] = await Promise.all([
    api.get(['overview'], z.object({ rabbitmq_version: z.string() }), { columns: 'rabbitmq_version' }),
    list('exchanges', exchange, 'name,type,durable,auto_delete,arguments'),
    list('queues', queue, 'name,type,durable,auto_delete,arguments'),
    list('bindings', binding, ''),
    list('policies', policy, ''),
    list('operator-policies', policy, ''),
  ]);
  return { version: overview.rabbitmq_version, exchanges, queues, bindings, policies, operatorPolicies };
}

export const fromBroker = ({
  source: exchange,
  destination,
  destination_type: type,
  routing_key: routingKey,
}: BrokerState['bindings'][number]): Binding =>
  type === 'queue' ? { exchange, queue: destination, routingKey } : { exchange, toExchange: destination, routingKey };

export const isBound = (binding: Binding, { bindings }: BrokerState): boolean =>
  bindings.some((found) => isSameBinding(fromBroker(found), binding));

const APPLIES_TO_QUORUM_QUEUES = new Set(['all', 'queues', 'quorum_queues']);

/** Returns the policy that applies to a quorum queue, or `undefined` if no policy applies. */
export function policyOf(queue: string, policies: readonly BrokerPolicy[]): BrokerPolicy | undefined {
  return policies
    .filter((policy) => APPLIES_TO_QUORUM_QUEUES.has(policy['apply-to']) && matches(queue, policy.pattern))
    .toSorted((one, other) => other.priority - one.priority)[0];
}

function matches(queue: string, pattern: string): boolean {
  try {
    return new RegExp(pattern).test(queue);
  } catch {
    return true;
  }
}
