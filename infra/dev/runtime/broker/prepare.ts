import { declareTopology, TopologyError } from '../../../../lib/rabbitmq/topology/declare.ts';
import type { BrokerAccess } from '../../../../lib/rabbitmq/admin/broker-access.ts';
import { applyTopology, readDiff } from '../../../../lib/rabbitmq/topology/apply.ts';
import { faultLine, planLine } from '../../../../lib/rabbitmq/topology/describe.ts';
import type { Difference } from '../../../../lib/rabbitmq/topology/difference.ts';
import { loginOf } from '../../../../lib/rabbitmq/address.ts';
import type { Topology } from '../../../../lib/rabbitmq/topology/topology.ts';
import { createManagementApi, ManagementError, virtualHostOf } from '../../../../lib/rabbitmq/admin/management-api.ts';
import { topology } from '../../../topology.ts';
import type { Broker } from './broker.ts';
import { guessManagementUrl } from './given.ts';
import { Problem, type Say } from '../command-line.ts';

const PATIENCE_MS = 10_000;

/** A broker by its addresses; the management API has the login of AMQP where it is given none. */
export function reach(amqpUrl: string, managementUrl = guessManagementUrl(amqpUrl)): BrokerAccess {
  const url = new URL(managementUrl);
  const login = loginOf(url.username ? url : new URL(amqpUrl));
  return {
    amqpUrl,
    api: createManagementApi({
      url: managementUrl,
      login: async () => login,
      virtualHost: virtualHostOf(amqpUrl),
      timeoutMs: PATIENCE_MS,
    }),
  };
}

/** One line for each setting of the broker through which messages can be lost. */
export const faultsOf = async (broker: BrokerAccess, declared: Topology = topology): Promise<string[]> =>
  (await readDiff(broker, declared)).filter(({ losesMessages }) => losesMessages).map(faultLine);

/**
 * Applies the topology, then looks whether any setting would lose messages: with such a broker nothing starts. Gives a line for
 * each change; `previous` is what was applied before.
 */
export async function prepareBroker(
  { amqpUrl, managementUrl }: Pick<Broker, 'amqpUrl' | 'managementUrl'>,
  say: Say,
  { wanted = topology, previous }: { wanted?: Topology; previous?: Topology } = {},
): Promise<string[]> {
  const broker = reach(amqpUrl, managementUrl);
  let differences: Difference[];
  let faults: string[];
  try {
    differences = await applyTopology(broker, wanted, previous);
    faults = await faultsOf(broker, wanted);
  } catch (error) {
    if (error instanceof TopologyError) throw new Problem(error.message, { cause: error });
    if (!(error instanceof ManagementError)) throw error;
    // Somebody's broker may have no management API for us: queues can be declared, policies cannot.
    await declareTopology(amqpUrl, wanted);
    say(`the settings of the broker are not verified, and no policy is set: ${error.message}`);
    return [];
  }
  if (faults.length > 0)
    throw new Problem(`with this broker messages would be lost:\n${faults.map((fault) => `    ${fault}`).join('\n')}`);
  return differences.map(planLine);
}
