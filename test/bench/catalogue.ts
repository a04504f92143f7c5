import { BUNDLE_BUDGET } from '../support/bundle-budget.ts';
import { findChromium } from '../support/chromium.ts';

export interface Figure {
  readonly key: string;
  readonly label: string;
  readonly unit: '×' | 'requests' | 'µs' | 'ms' | 'MiB' | 'KB' | '';
  readonly atLeast?: number;
  readonly atMost?: number;
}

export interface Section {
  readonly name: string;
  readonly title: string;
  readonly rounds: number;
  /** The heap limit of the Node process that runs this section of the benchmark, in MiB. */
  readonly heapMiB?: number;
  readonly figures: readonly Figure[];
  /** Returns the reason why this machine cannot run the benchmark section, or `undefined` if the machine can run it. */
  readonly missing?: () => Promise<string | undefined>;
}

const powertools = 'Powertools batch + idempotency, concurrent';

const relative =
  'of the Surehop consumer relative to a Powertools consumer (parallel batch processor with idempotency utility)';

const withLatency = 'every DynamoDB request is delayed by 4 ms, and every transaction by 8 ms';

const perSku = (atLeast: readonly [number, number, number]): Figure[] =>
  [1, 10, 1_000].flatMap((skus, index): Figure[] => {
    const label = `${skus} SKU${skus === 1 ? '' : 's'}`;
    return [
      { key: `${skus}`, label, unit: '×', atLeast: atLeast[index] },
      { key: `${skus} alone`, label: `${label}: Surehop's requests alone, prepared beforehand`, unit: '×' },
    ];
  });

/**
 * The sections of the benchmark, in the order in which they run. A throughput ratio is Surehop's throughput divided by
 * that of the library it is compared with, so above 1, Surehop is faster.
 */
export const sections: readonly Section[] = [
  {
    name: 'publish',
    title:
      "throughput and latency of Surehop's publisher, relative to raw amqplib, with one channel, messages of 512 B, a quorum queue and publisher confirms",
    rounds: 7,
    figures: [
      { key: 'throughput', label: 'throughput, 100 in flight', unit: '×', atLeast: 0.95 },
      { key: 'latency', label: 'median latency, one at a time', unit: '×', atMost: 1.1 },
    ],
  },
  {
    name: 'bulk',
    title:
      "throughput of Surehop's publishAll with at most 256 unconfirmed messages, relative to raw amqplib with at most 100 unconfirmed messages",
    rounds: 7,
    figures: [
      { key: 'throughput', label: 'throughput', unit: '×', atLeast: 1.15 },
      { key: 'raw256', label: 'raw amqplib with 256 in flight, for comparison', unit: '×' },
    ],
  },
  {
    name: 'peers',
    title: 'throughput of AMQP client libraries, relative to raw amqplib, with at most 100 unconfirmed messages',
    rounds: 5,
    figures: [
      'surehop',
      'raw amqplib',
      'amqp-connection-manager',
      '@cloudamqp/amqp-client',
      'rabbitmq-client',
      'rascal',
      'rascal, pool of 100',
    ].flatMap((name): Figure[] => [
      { key: name, label: name, unit: '×' },
      { key: `${name}: unroutable`, label: `${name}: unroutable message`, unit: '' },
    ]),
  },
  {
    name: 'batch',
    title: `throughput ${relative}; each batch has 100 messages, and DynamoDB requests are not delayed`,
    rounds: 5,
    figures: perSku([10, 10, 7]),
  },
  {
    name: 'latency',
    title: `throughput ${relative}; each batch has 100 messages; ${withLatency}`,
    rounds: 5,
    figures: perSku([6, 8, 6]),
  },
  {
    name: 'duplicates',
    title: `throughput ${relative}; each batch has 100 orders for 10 SKUs, and 10 % or 100 % of the orders are already completed`,
    rounds: 5,
    figures: [
      { key: 'all', label: '100 % duplicates, redelivered', unit: '×', atLeast: 12 },
      { key: 'some', label: '10 % duplicates, redelivered', unit: '×', atLeast: 12 },
      { key: 'cached', label: '100 % duplicates, Powertools with an equally large local cache', unit: '×' },
      { key: 'forgotten', label: '100 % duplicates, completed by an earlier process', unit: '×' },
      { key: 'someForgotten', label: '10 % duplicates, completed by an earlier process', unit: '×' },
      {
        key: 'unmarked',
        label: '10 % duplicates, completed by an earlier process, not marked as redelivered',
        unit: '×',
      },
    ],
  },
  {
    name: 'sold-out',
    title: `throughput ${relative}; each batch has 100 orders for 10 SKUs, one of which is sold out; ${withLatency}`,
    rounds: 5,
    figures: [{ key: 'ratio', label: 'one of 10 SKUs sold out', unit: '×', atLeast: 8 }],
  },
  {
    name: 'cost',
    title: 'DynamoDB requests and CPU time of a consumer per message; each batch has 100 orders for 10 SKUs',
    rounds: 5,
    figures: [
      { key: 'requests', label: 'requests per message', unit: 'requests', atMost: 0.03 },
      { key: 'duplicates', label: 'requests per duplicate', unit: 'requests', atMost: 0.02 },
      { key: 'cpu', label: 'client CPU per message', unit: 'µs', atMost: 120 },
      { key: 'powertoolsRequests', label: `requests per message: ${powertools}`, unit: 'requests' },
      { key: 'cpuRatio', label: `client CPU of ${powertools}, relative to Surehop`, unit: '×' },
      { key: 'powertoolsCpu', label: `client CPU per message: ${powertools}`, unit: 'µs' },
    ],
  },
  {
    name: 'tracing',
    title:
      'CPU time per message of a consumer with an OpenTelemetry SDK that exports spans, relative to a consumer without an SDK; each batch has 100 orders for 10 SKUs',
    rounds: 5,
    figures: [
      { key: 'without', label: 'client CPU per message without an SDK', unit: 'µs' },
      { key: 'none', label: 'with an SDK, no trace sampled', unit: '×' },
      { key: 'some', label: 'with an SDK, 10 % of the traces sampled', unit: '×' },
      { key: 'all', label: 'with an SDK, all traces sampled', unit: '×' },
      { key: 'added', label: 'CPU per message that recording and exporting all traces adds', unit: 'µs' },
    ],
  },
  {
    name: 'poison',
    title:
      'throughput of a consumer with one malformed message in each batch of 100 messages, relative to batches of 100 valid messages',
    rounds: 9,
    figures: [
      { key: 'asIs', label: 'throughput without added latency', unit: '×', atLeast: 0.9 },
      { key: 'latency', label: 'throughput with added latency', unit: '×', atLeast: 0.9 },
    ],
  },
  {
    name: 'sizes',
    title:
      'processing time per message in batches of 100, 1,000 and 5,000 orders for 10 SKUs, relative to the time per message in batches of the next smaller size',
    rounds: 5,
    figures: [
      { key: '100', label: '100 compared with 10', unit: '×', atMost: 1 },
      { key: '1000', label: '1,000 compared with 100', unit: '×', atMost: 1 },
      { key: '5000', label: '5,000 compared with 1,000', unit: '×', atMost: 1 },
    ],
  },
  {
    name: 'memory',
    title: 'peak heap usage while one batch of 5,000 messages of 1 KiB is processed, with a heap limit of 128 MiB',
    rounds: 3,
    heapMiB: 128,
    figures: [{ key: 'heap', label: 'peak heap usage', unit: 'MiB', atMost: 128 }],
  },
  {
    name: 'shards',
    title: `throughput of a queue with several shards and one process per shard, relative to a queue with one shard; ${withLatency}`,
    rounds: 3,
    figures: [
      { key: 'two', label: '2 shards, batches of 10', unit: '×' },
      { key: 'four', label: '4 shards, batches of 10', unit: '×' },
      { key: 'few', label: '4 shards, batches of 10, 10 SKUs that all shards share', unit: '×' },
      { key: 'large', label: '4 shards, batches of 100', unit: '×' },
    ],
  },
  {
    name: 'bundles',
    title:
      'sizes of the deployed bundles, and their import times, relative to the import time of a bundle with amqplib, zod, the AWS SDK, Powertools and middy',
    rounds: 15,
    figures: [
      { key: 'place-order size', label: 'place-order', unit: 'KB', atMost: BUNDLE_BUDGET / 1_000 },
      { key: 'reserve-stock size', label: 'reserve-stock', unit: 'KB', atMost: BUNDLE_BUDGET / 1_000 },
      { key: 'award-points size', label: 'award-points', unit: 'KB', atMost: BUNDLE_BUDGET / 1_000 },
      { key: 'powertools size', label: 'Powertools and middy', unit: 'KB' },
      { key: 'place-order', label: 'import of place-order', unit: '×', atMost: 0.6 },
      { key: 'reserve-stock', label: 'import of reserve-stock', unit: '×', atMost: 0.6 },
      { key: 'award-points', label: 'import of award-points', unit: '×', atMost: 0.6 },
      { key: 'powertools import', label: 'import of Powertools and middy', unit: 'ms' },
      {
        key: 'mapped',
        label: 'import of reserve-stock with --enable-source-maps, relative to without',
        unit: '×',
      },
    ],
  },
  {
    name: 'console',
    title:
      'size of the operators\' console, and the time from opening its view "Failures" in Chromium until the view shows all failed messages in 12 groups',
    rounds: 5,
    figures: [
      { key: 'weight', label: 'size of the page, compressed', unit: 'KB', atMost: 150 },
      { key: 'external', label: 'requests to other origins', unit: 'requests', atMost: 0 },
      { key: 'ratio', label: 'time with 10,000 dead letters, relative to 12 dead letters', unit: '×' },
      {
        key: 'listed',
        label: 'time to list all 10,000 dead letters and group them, relative to the page',
        unit: '×',
        atLeast: 1,
      },
      { key: 'few', label: 'time with 12 dead letters', unit: 'ms' },
      { key: 'many', label: 'time with 10,000 dead letters', unit: 'ms' },
    ],
    missing: async () => {
      const found = await findChromium();
      return 'missing' in found ? found.missing : undefined;
    },
  },
];
