import * as z from 'zod';

import type { ManagementApi } from '../admin/management-api.ts';
import type { BrokerPolicy } from './policy.ts';

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

/** The settings that a virtual host has now; figures are not among them. */
export interface BrokerState {
  /** As in "4.3.6". */
  readonly version: string;
  readonly exchanges: readonly z.infer<typeof exchange>[];
  readonly queues: readonly z.infer<typeof queue>[];
  readonly bindings: readonly z.infer<typeof binding>[];
  readonly policies: readonly BrokerPolicy[];
  /** The operator's, which limit every other. */
  readonly operatorPolicies: readonly BrokerPolicy[];
}

/** Reads what there is, in six requests. */
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
