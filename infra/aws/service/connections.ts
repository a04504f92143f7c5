import { connectionQuota } from '../foundation/quota.ts';
import type { Stage } from '../../stages/stage.ts';
import type { Access } from './access.ts';

/**
 * The part of the quota that is planned for: the rest is for connections whose other end is gone already, and for people. On a
 * cluster no more than two nodes take, since each is away while it is patched.
 */
const PLANNED_SHARE = 0.8;

/** Connections that one event source is taken to hold for each environment that it invokes; AWS does not say how many it does. */
const PER_EVENT_SOURCE = 5;

interface Wish {
  readonly access?: Access;
  /** Environments that its event sources invoke at once, all together. */
  readonly environments: number;
}

/**
 * How many environments of each function that holds connections may run at once: as many as it says, and for the one that
 * takes the rest as many as the broker's quota and the stage allow. Throws where they do not fit the broker. A stage that
 * reserves nothing must fit it too.
 */
export function reserveConcurrency(wishes: Readonly<Record<string, Wish>>, stage: Stage): Record<string, number> {
  const { inAll: quota, withoutOneNode } = connectionQuota(stage);
  const planned = Math.min(Math.floor(quota * PLANNED_SHARE), withoutOneNode);
  const reserved: Record<string, number> = {};
  let taken = 0;
  let publisher: string | undefined;
  for (const [name, { access, environments }] of Object.entries(wishes)) {
    taken += environments * PER_EVENT_SOURCE;
    if (access?.connections === 'rest') {
      if (publisher)
        throw new Error(`both ${publisher} and ${name} take the rest of the broker's connections: one can`);
      publisher = name;
    } else if (access?.connections) {
      reserved[name] = access.connections * Math.max(environments, 1);
      taken += reserved[name];
    } else if (access?.login === 'publisher') {
      throw new Error(`${name} publishes: say in serverless.yml how many connections it may hold (access.connections)`);
    }
  }
  const left = planned - taken;
  if (left < (publisher ? 1 : 0))
    throw new Error(
      `the broker (${stage.broker.instanceType}, ${stage.broker.deployment}) takes ${quota} connections, of which ${planned} are planned for, ` +
        `but ${taken} are wanted beside the publisher's: take a larger broker.instanceType or lower access.connections`,
    );
  if (stage.publisherConcurrency === 'unreserved') return {};
  if (publisher) reserved[publisher] = Math.min(left, stage.publisherConcurrency);
  return reserved;
}
