import type { Parameters } from './assumptions.ts';
import { brokerSizes, CLUSTER_NODES, type BrokerSize } from './broker-sizes.ts';

const VCPU_MB = 1_769;
const ITEMS_PER_TRANSACTION = 100;
/** Transactions of one batch that run side by side. */
const CONCURRENT_TRANSACTIONS = 4;
const SECONDS_PER_MONTH = 30 * 86_400;

/** What a rate of messages needs. */
export interface Capacity {
  readonly rate: number;
  readonly batchMs: number;
  /** What one shard does at most. */
  readonly ratePerShard: number;
  /** For each queue. */
  readonly shards: number;
  readonly publisherEnvironments: number;
  /** Of publishers, consumers and event sources. */
  readonly connections: number;
  readonly broker: { readonly size: BrokerSize; readonly count: number };
  /** Environments of the publisher that the broker's connections leave room for; `undefined` where its quota is not known. */
  readonly publishersThatFit?: number;
  readonly storeRequestsPerMessage: number;
  readonly writeUnitsPerMessage: number;
  readonly storeUsdPerMonth: number;
}

export function capacityFor(rate: number, given: Parameters): Capacity {
  const batch = batchOf(given);
  const ratePerShard = (given.concurrency * given['batch-size'] * 1_000) / (batch.ms + given['between-ms']);
  const shards = Math.max(1, Math.ceil(rate / (ratePerShard * given.utilization)));
  const publisherEnvironments = Math.max(1, Math.ceil(rate * (given.p50 / 1_000) * given.tail * given.headroom));
  // Each shard has an event source, and environments with a connection each for what they place and emit.
  const consumerConnections = shards * given.consumers * given.concurrency * (given['event-source-connections'] + 1);
  const connections = publisherEnvironments + consumerConnections;
  const broker = brokerFor(rate * given.consumers, connections, given);
  const planned = plannedConnections(broker.size, given);
  const storeRequestsPerMessage = (batch.transactions * given.consumers) / given['batch-size'] + INTAKE_REQUESTS;
  const writeUnitsPerMessage = batch.unitsPerMessage * given.consumers + INTAKE_UNITS;
  return {
    rate,
    batchMs: batch.ms,
    ratePerShard,
    shards,
    publisherEnvironments,
    connections,
    broker,
    publishersThatFit: planned && Math.max(0, planned * broker.count - consumerConnections),
    storeRequestsPerMessage,
    writeUnitsPerMessage,
    storeUsdPerMonth: ((rate * SECONDS_PER_MONTH * writeUnitsPerMessage) / 1e6) * given['write-price'],
  };
}

/** The intake's record of a request: one put and one update, neither in a transaction. */
const INTAKE_REQUESTS = 2;
const INTAKE_UNITS = 2;

/** One batch of one queue: markers, the messages' own items, and those that they share. */
function batchOf(given: Parameters) {
  const { 'batch-size': size, 'keys-per-batch': shared } = given;
  const items = size * (1 + given['puts-per-message']) + shared;
  const transactions = Math.ceil(items / ITEMS_PER_TRANSACTION);
  const cpuMs = (size * given['cpu-us']) / 1_000 / Math.min(given.memory / VCPU_MB, 1);
  const waves = Math.ceil(transactions / CONCURRENT_TRANSACTIONS);
  return {
    transactions,
    ms: cpuMs + waves * given['transaction-ms'],
    unitsPerMessage: (items * given['transactional-units']) / size,
  };
}

/** No more than two of three nodes take: one may be away, and packaging plans so too. */
const plannedConnections = ({ connectionsPerNode }: BrokerSize, given: Parameters): number | undefined =>
  connectionsPerNode &&
  Math.floor(connectionsPerNode * Math.min(CLUSTER_NODES * given['planned-connections'], CLUSTER_NODES - 1));

/** The smallest cluster that takes the writes, which every node of it does, and the connections; else several of the largest. */
function brokerFor(writes: number, connections: number, given: Parameters): Capacity['broker'] {
  const vCpus = writes / given['writes-per-vcpu'];
  const takes = (size: BrokerSize) =>
    size.vCpus >= vCpus && (plannedConnections(size, given) ?? Infinity) >= connections;
  const size = brokerSizes.find(takes);
  if (size) return { size, count: 1 };
  const largest = brokerSizes.at(-1)!;
  return { size: largest, count: Math.ceil(vCpus / largest.vCpus) };
}
