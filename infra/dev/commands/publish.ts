import { randomUUID } from 'node:crypto';
import { defineEvent, type MessageId } from 'surehop/events';
import { eventPublisher } from 'surehop/rabbitmq';
import type { Topology } from 'surehop/topology';
import * as z from 'zod';

import { parseJson, readText } from '../client/body.ts';
import { routesOf, type RoutedTo } from '../client/routing.ts';
import { withPublisher } from '../client/with-publisher.ts';
import { Problem, say } from '../runtime/command-line.ts';
import { runningIfAny } from '../runtime/running.ts';
import { defineCommand, UsageError } from './command.ts';

export const command = defineCommand({
  usage: ['TYPE BODY | @FILE [--version N] [--exchange NAME] [--id ID] [--key KEY]'],
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
    if (type === undefined) throw new UsageError('surehop publish needs the type of the event');
    if (given === undefined || more.length > 0)
      throw new UsageError(
        'surehop publish needs one body after the type of the event: JSON in quotes, or @ and the name of a file',
      );
    if (!/^[1-9]\d{0,5}$/.test(version)) throw new UsageError(`--version is "${version}": it must be a whole number`);
    const data = parseJson(readText(given), given.startsWith('@') ? given.slice(1) : 'the body');
    const { topology } = await import('serverless-surehop/definitions');
    const { exchange, destinations } = routeOf(topology, type, wanted);
    const amqpUrl = runningIfAny()?.amqpUrl ?? process.env['AMQP_URL'];
    if (!amqpUrl)
      throw new Problem('npm start is not running in this project: run npm start in another terminal, or set AMQP_URL');
    const event = defineEvent({ type, version: Number(version), exchange, schema: z.unknown() });
    await withPublisher(amqpUrl, (publisher, surehop) =>
      eventPublisher(surehop, publisher)(event, data, { id: id as MessageId, key }),
    );
    const queues = destinations.join(', ');
    say(`published ${type} with the id ${id} to the exchange ${exchange}, which routes it to ${queues}`);
    return 0;
  },
});

/** Returns the exchange that routes a type of event, and the queues or exchanges to which it routes the type. */
function routeOf(topology: Topology, type: string, wanted: string | undefined): RoutedTo {
  const routes = routesOf(topology, type).filter(({ exchange }) => wanted === undefined || exchange === wanted);
  const [route] = routes;
  if (route === undefined) {
    const types = [...new Set(topology.bindings.map(({ routingKey }) => routingKey).filter(Boolean))].toSorted();
    const atExchange = wanted === undefined ? '' : ` at the exchange ${wanted}`;
    const knownTypes = types.join(', ') || 'no type';
    throw new UsageError(
      `infra/topology.ts binds no queue to the type "${type}"${atExchange}; it has bindings for ${knownTypes}`,
    );
  }
  const exchanges = routes.map(({ exchange }) => exchange).join(', ');
  if (routes.length > 1)
    throw new UsageError(`several exchanges route the type "${type}": pass --exchange with one of ${exchanges}`);
  return route;
}
