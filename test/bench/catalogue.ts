/** One figure of a section: what is compared with what, and what it should come to. */
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
  /** Heap of its process at most. */
  readonly heapMiB?: number;
  readonly figures: readonly Figure[];
}

const powertools = 'Powertools batch + idempotency, concurrent';

const perSku = (atLeast: readonly [number, number, number]): Figure[] =>
  [1, 10, 1_000].flatMap((skus, index): Figure[] => {
    const label = `${skus} SKU${skus === 1 ? '' : 's'}`;
    return [
      { key: `${skus}`, label, unit: '×', atLeast: atLeast[index] },
      { key: `${skus} alone`, label: `${label}: Surehop's requests alone, prepared beforehand`, unit: '×' },
    ];
  });

/** Every section of the bench, in the order in which it runs. A ratio above 1 is in favour of Surehop, but for times and sizes. */
export const sections: readonly Section[] = [
  {
    name: 'publish',
    title: 'confirmed, mandatory publish of 512 B to a quorum queue, against raw amqplib on one channel',
    rounds: 7,
    figures: [
      { key: 'throughput', label: 'throughput, 100 in flight', unit: '×', atLeast: 0.95 },
      { key: 'latency', label: 'median latency, one at a time', unit: '×', atMost: 1.1 },
    ],
  },
  {
    name: 'bulk',
    title: 'publishAll, 256 unconfirmed at most, against raw amqplib with 100 in flight',
    rounds: 7,
    figures: [
      { key: 'throughput', label: 'throughput', unit: '×', atLeast: 1.15 },
      { key: 'raw256', label: 'raw amqplib with 256 in flight, for comparison', unit: '×' },
    ],
  },
  {
    name: 'peers',
    title: 'the same publish through other clients, throughput relative to raw amqplib, 100 in flight',
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
      { key: `${name}: unroutable`, label: `${name}: an unroutable message`, unit: '' },
    ]),
  },
  {
    name: 'batch',
    title: `batches of 100 through the consumer, embedded store as is, against ${powertools}`,
    rounds: 5,
    figures: perSku([10, 10, 7]),
  },
  {
    name: 'latency',
    title: `the same with 4 ms added to each store call and 8 ms to each transaction, against ${powertools}`,
    rounds: 5,
    figures: perSku([6, 8, 6]),
  },
  {
    name: 'duplicates',
    title: `batches of 100 with messages that are done already, 10 SKUs, against ${powertools}`,
    rounds: 5,
    figures: [
      { key: 'all', label: '100 % duplicates, redelivered', unit: '×', atLeast: 12 },
      { key: 'some', label: '10 % duplicates, redelivered', unit: '×', atLeast: 12 },
      { key: 'cached', label: '100 %, Powertools with a local cache as large', unit: '×' },
      { key: 'forgotten', label: '100 %, done by a process that is gone', unit: '×' },
      { key: 'someForgotten', label: '10 %, done by a process that is gone', unit: '×' },
      { key: 'unmarked', label: '10 %, done by a process that is gone, not marked as redelivered', unit: '×' },
    ],
  },
  {
    name: 'sold-out',
    title: `one SKU of ten sold out, its orders rejected with an event, with the added latency, against ${powertools}`,
    rounds: 5,
    figures: [{ key: 'ratio', label: 'one of 10 SKUs sold out', unit: '×', atLeast: 8 }],
  },
  {
    name: 'cost',
    title: 'what the consumer itself spends, batches of 100, 10 SKUs',
    rounds: 5,
    figures: [
      { key: 'requests', label: 'store requests per message', unit: 'requests', atMost: 0.03 },
      { key: 'duplicates', label: 'store requests per duplicate', unit: 'requests', atMost: 0.02 },
      { key: 'cpu', label: 'client CPU per message', unit: 'µs', atMost: 120 },
      { key: 'powertoolsRequests', label: `store requests per message: ${powertools}`, unit: 'requests' },
      { key: 'cpuRatio', label: `the same of ${powertools}, by it`, unit: '×' },
      { key: 'powertoolsCpu', label: `client CPU per message: ${powertools}`, unit: 'µs' },
    ],
  },
  {
    name: 'poison',
    title: 'batches of 100 of which one message is malformed, against the same without it',
    rounds: 9,
    figures: [
      { key: 'asIs', label: 'throughput, embedded store as is', unit: '×', atLeast: 0.9 },
      { key: 'latency', label: 'throughput, with the added latency', unit: '×', atLeast: 0.9 },
    ],
  },
  {
    name: 'sizes',
    title: 'larger batches, 10 SKUs, cost per message relative to the next smaller batch',
    rounds: 5,
    figures: [
      { key: '100', label: '100 against 10', unit: '×', atMost: 1 },
      { key: '1000', label: '1,000 against 100', unit: '×', atMost: 1 },
      { key: '5000', label: '5,000 against 1,000', unit: '×', atMost: 1 },
    ],
  },
  {
    name: 'memory',
    title: 'the heap while 5,000 messages of 1 KiB are worked on, in a process that may have no more than 128 MiB',
    rounds: 3,
    heapMiB: 128,
    figures: [{ key: 'heap', label: 'most of the heap in use', unit: 'MiB', atMost: 128 }],
  },
  {
    name: 'shards',
    title:
      'a queue of several shards, a process each, against one; the store with the added latency; orders with keys of their own',
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
    title: 'deployed bundles, minified, and their import against one of amqplib, zod, SDK, Powertools and middy',
    rounds: 15,
    figures: [
      { key: 'place-order size', label: 'place-order', unit: 'KB', atMost: 600 },
      { key: 'reserve-stock size', label: 'reserve-stock', unit: 'KB', atMost: 590 },
      { key: 'award-points size', label: 'award-points', unit: 'KB', atMost: 590 },
      { key: 'powertools size', label: 'Powertools and middy', unit: 'KB' },
      { key: 'place-order', label: 'import of place-order', unit: '×', atMost: 0.6 },
      { key: 'reserve-stock', label: 'import of reserve-stock', unit: '×', atMost: 0.6 },
      { key: 'award-points', label: 'import of award-points', unit: '×', atMost: 0.6 },
      { key: 'powertools import', label: 'import of Powertools and middy', unit: 'ms' },
    ],
  },
];
