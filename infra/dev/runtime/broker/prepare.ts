import { createManagementApi, loginOf, ManagementError, virtualHostOf, type BrokerAccess } from 'surehop/management';
import type { Topology } from 'surehop/topology';
import {
  applyTopology,
  declareTopology,
  faultLine,
  planLine,
  readDiff,
  TopologyError,
  type Difference,
} from 'surehop/topology/changes';

import type { Broker } from './broker.ts';
import { guessManagementUrl } from './given.ts';
import { Problem, type Say } from '../command-line.ts';

const REQUEST_TIMEOUT_MS = 10_000;

/**
 * Returns access to the broker at `amqpUrl` and to the management API at `managementUrl`. Requests to the management
 * API use the AMQP login if `managementUrl` contains no login.
 */
export function reach(amqpUrl: string, managementUrl = guessManagementUrl(amqpUrl)): BrokerAccess {
  const url = new URL(managementUrl);
  const login = loginOf(url.username ? url : new URL(amqpUrl));
  return {
    amqpUrl,
    api: createManagementApi({
      url: managementUrl,
      login: async () => login,
      virtualHost: virtualHostOf(amqpUrl),
      timeoutMs: REQUEST_TIMEOUT_MS,
    }),
  };
}

/** Returns one line for each broker setting that can cause the loss of messages. */
export const faultsOf = async (broker: BrokerAccess, declared: Topology): Promise<string[]> =>
  (await readDiff(broker, declared)).filter(({ losesMessages }) => losesMessages).map(faultLine);

/**
 * Applies the topology `wanted` to the broker and returns one line per change. `previous` is the topology that was
 * applied before. Throws an error if a setting of the broker can cause the loss of messages.
 */
export async function prepareBroker(
  { amqpUrl, managementUrl }: Pick<Broker, 'amqpUrl' | 'managementUrl'>,
  say: Say,
  { wanted, previous }: { wanted: Topology; previous?: Topology },
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
    // A broker at AMQP_URL may have no management API that this process can use. AMQP alone can declare queues but not policies.
    await declareTopology(amqpUrl, wanted);
    say(`the settings of the broker were not verified and its policies were not set: ${error.message}`);
    return [];
  }
  const wrongSettings = faults.map((fault) => `    ${fault}`).join('\n');
  if (faults.length > 0)
    throw new Problem(`the broker can lose messages, because of these settings:\n${wrongSettings}`);
  return differences.map(planLine);
}
