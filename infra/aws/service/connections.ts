import { connectionQuota } from '../foundation/quota.ts';
import type { Stage } from '../../stages/stage.ts';
import type { Access } from './access.ts';

/** The share of the broker's connection quota that functions can use. The rest is for stale connections and for operators. */
const PLANNED_SHARE = 0.8;

/**
 * The number of connections that we assume for each concurrent environment of an event source. AWS does not publish the actual
 * number.
 */
const PER_EVENT_SOURCE = 5;

interface Demand {
  readonly access?: Access;
  /** The number of environments that all event sources of the function can run at the same time. */
  readonly environments: number;
}

/**
 * Calculates the reserved concurrency of each function that connects to the broker. A function gets the number of
 * connections that it declares; a consumer gets this number for each environment of its event sources. The function
 * that declares `rest` gets the remaining connections, at most `publisherConcurrency` of the stage. Throws an error if
 * the broker allows too few connections.
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
