import { parseArgs } from 'node:util';

import { assumptions, type Parameters } from '../capacity/assumptions.ts';
import { CLUSTER_NODES } from '../capacity/broker-sizes.ts';
import { capacityFor, type Capacity } from '../capacity/model.ts';
import { entry } from '../runtime/entry.ts';
import { Problem } from '../runtime/problem.ts';

const RATES = [100, 3_000, 100_000];
const LARGEST_SHARDS = 100;
const LAMBDA_CONCURRENCY = 1_000;

function readArguments(args: string[]): { rates: number[]; parameters: Parameters; isJson: boolean } {
  const names = Object.keys(assumptions) as (keyof typeof assumptions)[];
  const options = {
    rate: { type: 'string', multiple: true },
    json: { type: 'boolean' },
    ...Object.fromEntries(names.map((name) => [name, { type: 'string' } as const])),
  } as const;
  let values: Record<string, unknown>;
  try {
    ({ values } = parseArgs({ args, options }));
  } catch (error) {
    throw new Problem(
      `${(error as Error).message.split('. ')[0]}; known are --rate, --json and --${names.join(', --')}`,
      {
        exitCode: 2,
      },
    );
  }
  const number = (name: string, text: unknown): number => {
    const value = Number(text);
    if (text !== '' && Number.isFinite(value) && value > 0) return value;
    throw new Problem(`--${name} is "${String(text)}", expected a number above 0`, { exitCode: 2 });
  };
  const given = (values['rate'] as string[] | undefined)?.map((text) => number('rate', text));
  const parameters = Object.fromEntries(
    names.map((name) => [name, values[name] === undefined ? assumptions[name].value : number(name, values[name])]),
  ) as Parameters;
  return { rates: given ?? RATES, parameters, isJson: values['json'] === true };
}

const whole = (value: number) => Math.round(value).toLocaleString('en-US');

function describe(capacity: Capacity, given: Parameters): string {
  const { broker, publisherEnvironments, publishersThatFit, shards, connections } = capacity;
  const rows: [string, string][] = [
    [
      'shards',
      `${shards} for each of ${given.consumers} queues: one does ${whole(capacity.ratePerShard)} messages/s at most (a batch of ${given['batch-size']} takes ${whole(capacity.batchMs)} ms, ${whole(given.concurrency)} at once)`,
    ],
    ['publishers', `${whole(publisherEnvironments)} environments, a connection each`],
    [
      'broker',
      `${broker.count > 1 ? `${broker.count} clusters` : 'a cluster'} of ${CLUSTER_NODES} × ${broker.size.instanceType}; ${whole(connections)} connections${connectionsLeft(publishersThatFit)}`,
    ],
    [
      'store',
      `${capacity.storeRequestsPerMessage.toFixed(2)} requests and ${capacity.writeUnitsPerMessage.toFixed(1)} write units per message, the intake's two included; ≈ ${whole(capacity.storeUsdPerMonth)} USD a month at this rate all day`,
    ],
    ...[...warnings(capacity)].map((warning): [string, string] => ['mind', warning]),
  ];
  return [`${whole(capacity.rate)} messages/s`, ...rows.map(([name, text]) => `  ${name.padEnd(11)}${text}`)].join(
    '\n',
  );
}

const connectionsLeft = (fit: number | undefined) =>
  fit === undefined ? ' (look its quota up)' : `, room for ${whole(fit)} publishers`;

function* warnings({ shards, broker, publisherEnvironments, publishersThatFit }: Capacity): Generator<string> {
  if (shards > LARGEST_SHARDS) yield `a queue has ${LARGEST_SHARDS} shards at most: larger batches, or several queues`;
  if (broker.count > 1) yield 'no one cluster writes that much: split the keys over several brokers';
  if (publishersThatFit !== undefined && publishersThatFit < publisherEnvironments)
    yield `the publishers hold more connections than there are: a shorter request, or fewer and longer-lived publishers`;
  if (publisherEnvironments > LAMBDA_CONCURRENCY)
    yield `more environments than the ${whole(LAMBDA_CONCURRENCY)} of an account by default (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html)`;
}

function describeAssumptions(given: Parameters): string {
  const lines = Object.entries(assumptions).map(([name, { value, unit, about, source }]) => {
    const now = given[name as keyof Parameters];
    return `  --${name} ${now} ${unit}: ${about} (${now === value ? source : `given; ${value} otherwise`})`;
  });
  return ['taken for granted, each can be given:', ...lines].join('\n');
}

await entry(async () => {
  const { rates, parameters, isJson } = readArguments(process.argv.slice(2));
  const capacities = rates.map((rate) => capacityFor(rate, parameters));
  if (isJson) {
    process.stdout.write(`${JSON.stringify({ parameters, capacities }, undefined, 2)}\n`);
    return 0;
  }
  for (const capacity of capacities) process.stdout.write(`${describe(capacity, parameters)}\n\n`);
  process.stdout.write(`${describeAssumptions(parameters)}\n`);
  return 0;
});
