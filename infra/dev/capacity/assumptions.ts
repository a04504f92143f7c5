/** A number that the model takes for granted, and where it comes from. */
export interface Assumption {
  readonly value: number;
  readonly unit: string;
  readonly about: string;
  readonly source: string;
}

const assumption = (value: number, unit: string, about: string, source: string): Assumption => {
  return { value, unit, about, source };
};

const measured = 'measured here, see docs/performance.md; measure yours and pass it';
const assumed = 'taken, no document says; measure yours and pass it';
const lambdaMemory = 'https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html';
const transactions = 'https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html';
const onDemand = 'https://aws.amazon.com/dynamodb/pricing/on-demand/ (us-east-1; look yours up and pass it)';

/** Everything that can be given as `--name value`; what is not given is taken from here. */
export const assumptions = {
  p50: assumption(40, 'ms', 'median duration of a publishing request', assumed),
  tail: assumption(1.5, '×', 'mean duration of a request by its median', assumed),
  headroom: assumption(1.5, '×', 'environments by those that the mean load needs, for bursts', assumed),
  consumers: assumption(2, 'queues', 'queues that each message goes to (stock, points)', 'infra/topology.ts'),
  concurrency: assumption(
    1,
    'environments',
    'that work on one shard at once: AWS raises it on request, for queues without an order',
    'eventSource.concurrency of infra/stages',
  ),
  'batch-size': assumption(200, 'messages', 'messages of one batch', 'infra/stages/prod.ts'),
  'keys-per-batch': assumption(
    50,
    'items',
    'different items that the effects of one batch change, besides markers',
    assumed,
  ),
  'puts-per-message': assumption(
    0.5,
    'items',
    'items of its own that a message writes (an award, for one queue of two)',
    'functions/orders',
  ),
  'transaction-ms': assumption(30, 'ms', 'one transaction of up to 100 items', assumed),
  'cpu-us': assumption(120, 'µs', "the consumer's CPU per message", measured),
  memory: assumption(1_769, 'MB', "the consumer's memory; 1,769 MB are one processor", lambdaMemory),
  'between-ms': assumption(20, 'ms', 'between two batches of one event source', assumed),
  utilization: assumption(0.7, '', 'share of a shard’s rate that is planned for, so that a backlog shrinks', assumed),
  'event-source-connections': assumption(5, 'connections', 'held by one event source', assumed),
  'writes-per-vcpu': assumption(
    2_000,
    'messages/s',
    'into quorum queues by one processor of each node, consumed as well',
    assumed,
  ),
  'write-price': assumption(0.625, 'USD', 'for a million write request units', onDemand),
  'planned-connections': assumption(
    0.8,
    '',
    "share of the broker's connections that is planned for",
    'infra/aws/service',
  ),
  'transactional-units': assumption(2, 'units', 'for an item of up to 1 KB written in a transaction', transactions),
} as const;

export type Parameters = Readonly<Record<keyof typeof assumptions, number>>;
