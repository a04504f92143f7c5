import { hasDelayedRetry, liftsDeliveryLimit, type BrokerVersion } from './queue-arguments.ts';
import type { QueuePolicy } from './topology.ts';

/** A policy as the broker has it. */
export interface BrokerPolicy {
  readonly name: string;
  readonly pattern: string;
  readonly 'apply-to': string;
  readonly priority: number;
  readonly definition: Readonly<Record<string, unknown>>;
}

/** The policy as it is put on a broker of this version. */
export const policyFor = (
  { name, queues, priority, definition, delayedRetry }: QueuePolicy,
  version: BrokerVersion,
): BrokerPolicy => ({
  name,
  pattern: `^(${queues.map(escape).join('|')})$`,
  'apply-to': 'queues',
  priority,
  definition: {
    ...definition,
    ...(liftsDeliveryLimit(version) && { 'delivery-limit': -1 }),
    ...(delayedRetry &&
      hasDelayedRetry(version) && {
        'delayed-retry-type': 'all',
        'delayed-retry-min': delayedRetry.minMs,
        'delayed-retry-max': delayedRetry.maxMs,
      }),
  },
});

/** The queues that a policy written by `policyFor` names: the broker's own record of what was declared last. */
export function queuesNamedBy({ pattern }: BrokerPolicy): string[] {
  const list = /^\^\((.*)\)\$$/s.exec(pattern)?.[1];
  return list ? list.split(/(?<!\\)\|/).map((name) => name.replaceAll(/\\(.)/gs, '$1')) : [];
}

const escape = (name: string) => name.replaceAll(/[.*+?^${}()|[\]\\/-]/g, String.raw`\$&`);

const QUORUM_QUEUES = new Set(['all', 'queues', 'quorum_queues']);

/** The one of `policies` that a quorum queue follows. */
export function policyOf(queue: string, policies: readonly BrokerPolicy[]): BrokerPolicy | undefined {
  return policies
    .filter((policy) => QUORUM_QUEUES.has(policy['apply-to']) && matches(queue, policy.pattern))
    .toSorted((one, other) => other.priority - one.priority)[0];
}

/** A pattern that only Erlang understands is taken to match: rather a false alarm than a loss. */
function matches(queue: string, pattern: string): boolean {
  try {
    return new RegExp(pattern).test(queue);
  } catch {
    return true;
  }
}
