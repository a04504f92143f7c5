import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Channel, GetMessage } from 'amqplib';
import fc from 'fast-check';

import { tables } from '../../support/example/tables.ts';
import { recordJson, type DeliveredMessage } from '../../../infra/emulator/event.ts';
import { queues } from '../../support/example/topology.ts';
import { getRoute, redriveRoute } from '../../../lib/dead-letters/routes/index.ts';
import { createDeadLetters } from '../../../lib/dead-letters/dead-letters.ts';
import { getDeadLetter } from '../../../lib/dead-letters/get-dead-letter.ts';
import { deadLetterFrom } from '../../../lib/dead-letters/origin.ts';
import { writeJson } from '../../../lib/events/json-form.ts';
import { createConsumer } from '../../../lib/consumer/consumer.ts';
import type { Identify } from '../../../lib/message/identify.ts';
import type { ConsumerDependencies } from '../../../lib/consumer/dependencies.ts';
import { decode, type RabbitMqRecord } from '../../../lib/message/delivery.ts';
import { BatchUnfinishedError } from '../../../lib/consumer/report.ts';
import { endpoint, type HttpHandler } from '../../../lib/http/endpoint.ts';
import { foreignProperties, propertyBytes, tableOf, type GivenProperties } from '../../support/amqp-arbitraries.ts';
import { callAsOperator } from '../../support/as-client.ts';
import { aBackend, type Backend } from '../../support/backend.ts';
import { anEvent, anInvocation } from '../../support/delivery.ts';
import { eventually } from '../../support/eventually.ts';
import { dependenciesAt } from '../../support/consumer-dependencies.ts';
import { aRawPublisher, type RawPublisher } from '../../support/raw-publisher.ts';
import { scriptedConsumer } from '../../support/scripted-consumer.ts';

let backend: Backend;
let channel: Channel;
let foreign: RawPublisher;
let dependencies: ConsumerDependencies;
let archive: ReturnType<typeof createDeadLetters>['archive'];
let get: HttpHandler;
let redriveOne: HttpHandler;

beforeAll(async () => {
  backend = await aBackend();
  await backend.declare();
  channel = await backend.host.rawChannel();
  foreign = await aRawPublisher(backend.host.amqpUrl);
  dependencies = dependenciesAt(
    process.env['DYNAMODB_ENDPOINT']!,
    process.env['TABLE_PREFIX']!,
    backend.host.publisher(),
  );
  const surehop = await backend.surehop();
  const deadLetters = createDeadLetters(surehop, queues);
  archive = (event) => deadLetters.archive(event);
  get = endpoint(surehop, getRoute, getDeadLetter(surehop, []));
  redriveOne = endpoint(surehop, redriveRoute, deadLetters.redrive);
});

afterAll(async () => {
  await foreign.close();
  await backend.remove();
});

const queue = { ...scriptedConsumer.queue, delays: scriptedConsumer.queue.delays.slice(0, 1) };

const handler = (identify: Identify | undefined) =>
  createConsumer({ ...scriptedConsumer, queue, identify }, dependencies);

const givenIdentify: fc.Arbitrary<Identify | undefined> = fc.oneof(
  fc.constant(undefined),
  fc.constantFrom<Identify>(
    ({ body }) => ({ id: body.isbn, type: 'test.scripted' }),
    ({ body, properties }) => ({ id: body?.isbn ?? properties.messageId, version: 1 }),
    ({ headers }) => ({ id: headers['surehop-identified-id'] ?? Object.keys(headers)[0] }),
    () => ({ id: 'always the same', type: 'test.scripted' }),
    () => {
      throw new Error('not identified');
    },
  ),
  fc
    .anything({ withBigInt: true, withNullPrototype: true, withTypedArray: true })
    .map((result) => () => result as never),
  fc
    .record({ id: fc.string({ maxLength: 300 }), type: fc.string(), version: fc.integer() })
    .map((result) => () => result),
);

interface Taken {
  readonly message: GetMessage;
  readonly record: RabbitMqRecord;
}

async function take(from: string): Promise<Taken[]> {
  const taken: Taken[] = [];
  for (let message = await channel.get(from); message; message = await channel.get(from))
    taken.push({ message, record: JSON.parse(recordJson(message as unknown as DeliveredMessage)) as RabbitMqRecord });
  return taken;
}

const bodyOf = ({ record }: Taken) => record.data;

/**
 * Returns the headers that the publisher itself set, as JSON text. Routing headers (CC and BCC) and headers that the
 * broker or Surehop added are left out.
 */
function carried({ record }: Taken): string {
  const ours = /^(surehop-|x-(first-|last-)?death|x-(delivery|acquired)-count$|x-opt-|B?CC$)/;
  const headers = Object.entries(record.basicProperties.headers ?? {});
  return writeJson(
    headers.filter(([name]) => !ours.test(name)).toSorted(([one], [other]) => (one < other ? -1 : one > other ? 1 : 0)),
  );
}

const leftOut = ({ record }: Taken) => 'surehop-left-out' in Object(record.basicProperties.headers);

interface Given {
  readonly properties: GivenProperties;
  readonly id: 'uuid' | 'none' | 'bytes';
  readonly body: 'sound' | 'bytes';
  readonly bytes: Uint8Array;
}

const givenMessage: fc.Arbitrary<Given> = fc.record({
  properties: foreignProperties,
  id: fc.oneof(
    { weight: 8, arbitrary: fc.constant('uuid' as const) },
    fc.constantFrom('none' as const, 'bytes' as const),
  ),
  body: fc.constantFrom('sound', 'bytes'),
  bytes: fc.uint8Array({ maxLength: 200 }),
});

const NEIGHBOURS = 3;
const MOST_RETURNS = 2;

const aNumber = (value: number) => {
  const bytes = Buffer.alloc(5, 'I');
  bytes.writeInt32BE(value, 1);
  return bytes;
};

test('if a message of a foreign publisher fails, the body of the message is archived byte for byte, whatever identify returns', async () => {
  const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);
  console.info(`seed ${seed}`);
  let sent = 0;
  let taken = 0;
  const result = await fc.check(
    fc.asyncProperty(
      fc.array(givenMessage, { minLength: 1, maxLength: 12 }),
      givenIdentify,
      async (given, identify) => {
        const accepted = new Map<string, Given>();
        for (const one of given) {
          const token = randomUUID();
          const body =
            one.body === 'sound'
              ? Buffer.from(JSON.stringify({ isbn: token, behave: 'transient' }))
              : Buffer.concat([Buffer.from(token), one.bytes]);
          const id = {
            uuid: Buffer.from(token),
            none: undefined,
            bytes: Buffer.concat([Buffer.from([0xff, 0xc3]), Buffer.from(token)]),
          };
          const bytes = propertyBytes({ ...one.properties, messageId: id[one.id], type: Buffer.from('test.scripted') });
          sent += 1;
          if (await foreign.publish('', 'loans', bytes, body)) accepted.set(body.toString('base64'), one);
        }
        taken += accepted.size;
        const isbns = Array.from({ length: NEIGHBOURS }, () => randomUUID());
        for (const isbn of isbns)
          await foreign.publish(
            '',
            'loans',
            propertyBytes({
              messageId: Buffer.from(randomUUID()),
              type: Buffer.from('test.scripted'),
              headers: tableOf({ 'surehop-schema-version': aNumber(1) }),
            }),
            Buffer.from(JSON.stringify({ isbn })),
          );

        let returns = 0;
        const run = handler(identify);
        const first = new Map<string, string>();
        const parked = new Map<string, Taken[]>();
        const consume = async () => {
          const batch = await take('loans');
          if (batch.length === 0) return;
          for (const taken of batch) {
            const known = first.get(bodyOf(taken));
            if (known === undefined) first.set(bodyOf(taken), carried(taken));
            // A retry copy must have the headers of the original message.
            else expect(carried(taken)).toBe(known);
          }
          try {
            await run(anEvent(batch.map(({ record }) => record)), anInvocation());
            for (const { message } of batch) channel.ack(message);
          } catch (error) {
            if (!(error instanceof BatchUnfinishedError)) throw error;
            returns += 1;
            for (const { message } of batch) channel.nack(message);
          }
          expect(returns).toBeLessThanOrEqual(MOST_RETURNS);
        };

        await eventually('every foreign message is parked', async () => {
          await consume();
          const deadLetters = await take('dead-letters');
          for (const deadLetter of deadLetters)
            parked.set(bodyOf(deadLetter), [...(parked.get(bodyOf(deadLetter)) ?? []), deadLetter]);
          const event = anEvent(
            deadLetters.map(({ record }) => record),
            'dead-letters',
          );
          await archive(event);
          for (const { message } of deadLetters) channel.ack(message);
          return [...accepted.keys()].every((body) => parked.has(body));
        });
        for (const isbn of isbns)
          expect(await dependencies.read(tables.loans, { isbn })).toMatchObject({ available: 1 });

        for (const [body, { id }] of accepted) {
          const deadLetters = parked.get(body)!;
          if (id === 'uuid' && !identify) expect(deadLetters).toHaveLength(1);
          const [deadLetter] = deadLetters;
          if (!leftOut(deadLetter!)) expect(carried(deadLetter!)).toBe(first.get(body));
          const [delivery] = decode(anEvent([deadLetter!.record], 'dead-letters'));
          const { id: letterId } = deadLetterFrom(delivery!, Object.values(queues), Date.now());
          const shown = await callAsOperator(get, { route: 'GET /dead-letters/{id}', path: { id: letterId } });
          expect([shown.status, shown.body.body?.base64]).toEqual([200, body]);

          const redrive = (force: boolean) =>
            callAsOperator(redriveOne, {
              route: 'POST /dead-letters/{id}/redrive',
              path: { id: letterId },
              body: { force },
            });
          const answer = await redrive(false);
          if (answer.status === 422) {
            expect(answer.body.unwritable).toEqual(expect.any(String));
            expect((await redrive(true)).status).toBe(200);
          } else if (answer.status === 409) expect(answer.body.type).toMatch(/too-old|no-origin/);
          else expect(answer.status).toBe(200);
        }
        // The redriven messages would fail again, so the test acknowledges them.
        await take('loans').then((again) => again.forEach(({ message }) => channel.ack(message)));
      },
    ),
    { numRuns: 10, seed, endOnFailure: true },
  );
  // A counterexample may have 100,000 bytes, so the error contains only the seed and the path that reproduce it.
  if (result.failed)
    throw new Error(
      `a generated message was handled wrongly (see the cause): reproduce with SEED=${seed} and the fast-check path ${result.counterexamplePath}`,
      { cause: result.errorInstance },
    );
  // The broker must have accepted more than half of the published messages.
  expect(taken).toBeGreaterThan(sent / 2);
}, 300_000);
