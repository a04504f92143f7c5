import { randomUUID } from 'node:crypto';
import { createSurehop } from 'surehop';
import { defineEvent, eventPublisher, type MessageId } from 'surehop/events';
import { lazyPublisher } from 'surehop/rabbitmq';
import type { Topology } from 'surehop/topology';
import * as z from 'zod';

import { parseJson, readText } from '../client/body.ts';
import { Problem, say } from '../runtime/command-line.ts';
import { runningIfAny } from '../runtime/running.ts';
import { LOCAL_AWS } from '../runtime/store/probe.ts';
import { defineCommand, UsageError } from './command.ts';

export const publish = defineCommand({
  usage: ['TYPE BODY | @FILE [--version N] [--exchange NAME] [--id ID] [--key KEY]'],
  summary: 'publishes an event to the broker of the running npm start, and waits until the broker has confirmed it',
  details: [
    'The body is JSON. The command does not check the body against the schema of the event: publish a wrong body to see how the consumer dead-letters it.',
    'AMQP_URL is the broker if npm start is not running in this project.',
  ],
  options: {
    version: { type: 'string', value: 'N', meaning: 'the version of the event; 1 by default' },
    exchange: { type: 'string', value: 'NAME', meaning: 'the exchange; only if several exchanges route this type' },
    id: {
      type: 'string',
      value: 'ID',
      meaning: 'the message id; publish an event twice with one id to see a duplicate',
    },
    key: { type: 'string', value: 'KEY', meaning: 'the key of the event, which chooses the shard of a sharded queue' },
  },
  needs: 'definitions',
  async run({ words: [type, given, ...more], options: { version = '1', id = randomUUID(), key, exchange: wanted } }) {
    if (type === undefined) throw new UsageError('the type of the event is missing');
    if (given === undefined || more.length > 0)
      throw new UsageError('expected one body after the type: JSON in quotes, or @ and the name of a file');
    if (!/^[1-9]\d{0,5}$/.test(version)) throw new UsageError(`--version is "${version}": it must be a whole number`);
    const data = parseJson(readText(given), given.startsWith('@') ? given.slice(1) : 'the body');
    const { topology } = await import('serverless-surehop/definitions');
    const { exchange, destinations } = routeOf(topology, type, wanted);
    const amqpUrl = runningIfAny()?.amqpUrl ?? process.env['AMQP_URL'];
    if (!amqpUrl)
      throw new Problem('npm start is not running in this project: run npm start in another terminal, or set AMQP_URL');
    const surehop = createSurehop({ environment: { ...LOCAL_AWS, AMQP_URL: amqpUrl } });
    const publisher = lazyPublisher(surehop);
    try {
      const event = defineEvent({ type, version: Number(version), exchange, schema: z.unknown() });
      await eventPublisher(surehop, publisher)(event, data, { id: id as MessageId, key });
    } finally {
      await publisher.close();
    }
    say(
      `published ${type} with the id ${id} to the exchange ${exchange}, which routes it to ${destinations.join(', ')}`,
    );
    return 0;
  },
});

function routeOf({ bindings }: Topology, type: string, wanted: string | undefined) {
  const matching = bindings.filter(
    ({ exchange, routingKey }) =>
      routingKey !== '' && matches(routingKey, type) && (wanted === undefined || exchange === wanted),
  );
  const exchanges = [...new Set(matching.map(({ exchange }) => exchange))];
  const [exchange] = exchanges;
  if (exchange === undefined) {
    const types = [...new Set(bindings.map(({ routingKey }) => routingKey).filter(Boolean))].toSorted();
    throw new UsageError(
      `infra/topology.ts binds no queue to the type "${type}"${wanted === undefined ? '' : ` at the exchange ${wanted}`}; it has bindings for ${types.join(', ') || 'no type'}`,
    );
  }
  if (exchanges.length > 1) throw new UsageError(`pass --exchange with one of ${exchanges.join(', ')}`);
  return { exchange, destinations: matching.map((one) => ('queue' in one ? one.queue : one.toExchange)) };
}

/** Returns whether a topic exchange routes a message with this routing key to a binding with this pattern. */
function matches(pattern: string, routingKey: string): boolean {
  const words = pattern.split('.').map((word) => {
    if (word === '#') return '(?:[^.]+\\.)*';
    return `${word === '*' ? '[^.]+' : word.replaceAll(/[^\w-]/g, '\\$&')}\\.`;
  });
  return new RegExp(`^${words.join('')}$`).test(`${routingKey}.`);
}
