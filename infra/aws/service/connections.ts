import { connectionQuota } from '../foundation/quota.ts';
import type { Stage } from '../../stages/stage.ts';
import type { Access } from './access.ts';

/**
 * The share of the connection quota that functions can use. The rest is for stale connections and for operators. On a cluster at
 * most the connections of two nodes are used, because each node is down while it is patched.
 */
const PLANNED_SHARE = 0.8;

/** The assumed number of connections of an event source per concurrent environment; AWS does not publish the number. */
const PER_EVENT_SOURCE = 5;

interface Demand {
  readonly access?: Access;
  /** The number of concurrent environments of all event sources together. */
  readonly environments: number;
}

/**
 * The reserved concurrency of each function that holds connections: the number that the function declares, or for the function that
 * takes the rest, whatever the broker's quota and the stage leave. Throws if the broker does not allow enough connections, even if
 * the stage reserves no concurrency.
 */
export function reserveConcurrency(demands: Readonly<Record<string, Demand>>, stage: Stage): Record<string, number> {
  const { inAll: quota, withoutOneNode } = connectionQuota(stage);
  const planned = Math.min(Math.floor(quota * PLANNED_SHARE), withoutOneNode);
  const reserved: Record<string, number> = {};
  let taken = 0;
  let publisher: string | undefined;
  for (const [name, { access, environments }] of Object.entries(demands)) {
    taken += environments * PER_EVENT_SOURCE;
    if (access?.connections === 'rest') {
      if (publisher)
        throw new Error(`${publisher} and ${name} both have access.connections: rest, but only one function can`);
      publisher = name;
    } else if (access?.connections) {
      reserved[name] = access.connections * Math.max(environments, 1);
      taken += reserved[name];
    } else if (access?.login === 'publisher') {
      throw new Error(
        `${name} publishes messages: set access.connections in serverless.yml to the number of its connections`,
      );
    }
  }
  const left = planned - taken;
  if (left < (publisher ? 1 : 0))
    throw new Error(
      `the broker (${stage.broker.instanceType}, ${stage.broker.deployment}) allows ${quota} connections, of which functions can use ${planned}, ` +
        `but functions other than the publisher need ${taken}: choose a larger broker.instanceType or lower access.connections`,
    );
  if (stage.publisherConcurrency === 'unreserved') return {};
  if (publisher) reserved[publisher] = Math.min(left, stage.publisherConcurrency);
  return reserved;
}
