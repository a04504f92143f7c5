import { connectionQuota } from '../foundation/quota.ts';
import type { Stage } from '../../stages/stage.ts';
import type { Access } from './access.ts';

/** The share of the broker's connection quota that functions can use. The rest is for stale connections and for operators. */
const PLANNED_SHARE = 0.8;

/**
 * The assumed number of broker connections per Lambda execution environment of an event source. AWS does not publish
 * the actual number.
 */
const PER_EVENT_SOURCE = 5;

interface Demand {
  readonly access?: Access;
  /**
   * The maximum number of Lambda execution environments that process batches of the function's event sources at the
   * same time.
   */
  readonly environments: number;
}

export const sharesConnections = ({ connections }: Access): boolean => weightOf(connections) !== undefined;

/**
 * Calculates the reserved concurrency of each function that connects to the broker. Throws an error if all functions
 * together need more connections than the broker allows.
 */
export function reserveConcurrency(demands: Readonly<Record<string, Demand>>, stage: Stage): Record<string, number> {
  const { inAll: quota, withoutOneNode } = connectionQuota(stage);
  const planned = Math.min(Math.floor(quota * PLANNED_SHARE), withoutOneNode);
  const reserved: Record<string, number> = {};
  const weights: Record<string, number> = {};
  let taken = 0;
  for (const [name, { access = {}, environments }] of Object.entries(demands)) {
    const { connections, login } = access;
    const weight = weightOf(connections);
    taken += environments * PER_EVENT_SOURCE;
    if (weight !== undefined) {
      weights[name] = weight;
    } else if (typeof connections === 'number') {
      reserved[name] = connections * Math.max(environments, 1);
      taken += reserved[name];
    } else if (login === 'publisher') {
      const advice = adviceFor(environments);
      throw new Error(`the function ${name} publishes messages, but its number of connections is not set: ${advice}`);
    }
  }
  const sharing = Object.keys(weights);
  const left = planned - taken;
  if (left < sharing.length) {
    const { instanceType, deployment } = stage.broker;
    const andPublishers = sharing.length > 0 ? `, and each of ${sharing.join(', ')} needs at least 1 more` : '';
    const orLowerNumber = lowerNumber(demands, taken + sharing.length - planned);
    throw new Error(
      `too few broker connections: the event sources and the functions with a number in access.connections need ${taken} connections${andPublishers}, but functions and event sources can use only ${planned} of the broker's ${quota} connections (${instanceType}, ${deployment}): choose a larger broker.instanceType${orLowerNumber}`,
    );
  }
  if (stage.publisherConcurrency === 'unreserved') return {};
  if (stage.publisherConcurrency < sharing.length)
    throw new Error(
      `${sharing.join(', ')} share a publisherConcurrency of ${stage.publisherConcurrency}, but each needs at least 1: set publisherConcurrency to at least ${sharing.length}`,
    );
  return { ...reserved, ...divide(Math.min(left, stage.publisherConcurrency), weights) };
}

function weightOf(connections: Access['connections']): number | undefined {
  if (connections === 'rest') return 1;
  return typeof connections === 'object' ? connections.weight : undefined;
}

const adviceFor = (environments: number): string =>
  environments > 0
    ? 'set access.connections in serverless.yml to 2, because each environment of a consumer needs one connection, and a release runs two versions of the consumer'
    : 'set access.connections in serverless.yml to "rest" for a share of the connections that the other functions leave, or to the number of its connections';

function lowerNumber(demands: Readonly<Record<string, Demand>>, excess: number): string {
  const [found] = Object.entries(demands)
    .flatMap(([name, { access, environments }]) => {
      if (typeof access?.connections !== 'number') return [];
      return { name, enough: access.connections - Math.ceil(excess / Math.max(environments, 1)) };
    })
    .toSorted((one, other) => other.enough - one.enough);
  return found && found.enough >= 1 ? `, or set access.connections of ${found.name} to at most ${found.enough}` : '';
}

function divide(number: number, weights: Readonly<Record<string, number>>): Record<string, number> {
  const sum = Object.values(weights).reduce((total, weight) => total + weight, 0);
  const spare = number - Object.keys(weights).length;
  const shares = Object.entries(weights).map(([name, weight]) => ({ name, exact: (spare * weight) / sum }));
  let undivided = spare - shares.reduce((total, { exact }) => total + Math.floor(exact), 0);
  const rounded = shares
    .toSorted((one, other) => (other.exact % 1) - (one.exact % 1))
    .map(({ name, exact }) => [name, 1 + Math.floor(exact) + (undivided-- > 0 ? 1 : 0)] as const);
  return Object.fromEntries(rounded);
}
