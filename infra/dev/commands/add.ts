import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { EventDefinition } from 'surehop/events';

import { Changes } from '../add/changes.ts';
import { addConsumer } from '../add/consumer.ts';
import { addEvent } from '../add/event.ts';
import { addRoute } from '../add/route.ts';
import type { Service } from '../add/service.ts';
import { addTable } from '../add/table.ts';
import { eventsIn } from '../definitions/events-in.ts';
import { say } from '../runtime/command-line.ts';
import { rootDirectory } from '../runtime/directories.ts';
import { defineCommand, print, UsageError } from './command.ts';

export const command = defineCommand({
  usage: [
    'consumer NAME --event TYPE [--queue QUEUE] [--delays 10s,1m,10m] [--order-by PROPERTY] [--exchange NAME]',
    'event TYPE [--exchange NAME]',
    'route "POST /payments" --event TYPE [--exchange NAME]',
    'table NAME --key ATTRIBUTE [--key ATTRIBUTE:N]',
  ],
  details: [
    'A consumer and a route also add their event if the service has no event of this type. The command never overwrites a file. Running the command again changes nothing.',
    'For example: surehop add consumer ship-order --event order.paid --queue shipping --order-by customerId',
  ],
  options: {
    event: { type: 'string', value: 'TYPE', meaning: 'the type of the event, such as order.paid' },
    queue: { type: 'string', value: 'QUEUE', meaning: 'the queue of the consumer; its name by default' },
    delays: {
      type: 'string',
      value: 'DELAYS',
      meaning: 'how long a failed message waits before each retry: 10s,1m,10m',
    },
    'order-by': {
      type: 'string',
      value: 'PROPERTY',
      meaning: 'the property of the event whose order per value is kept',
    },
    exchange: { type: 'string', value: 'NAME', meaning: 'the exchange of a new event, if the service has several' },
    key: {
      type: 'string',
      multiple: true,
      value: 'ATTRIBUTE',
      meaning: 'a key attribute of the table; :N if it is a number',
    },
    'dry-run': { type: 'boolean', meaning: 'prints the changes as a diff, and changes nothing' },
  },
  needs: 'definitions',
  async run({ words: [kind = '', name = '', ...more], options }) {
    const { event, queue, delays, exchange, key = [], 'order-by': orderBy } = options;
    if (!['consumer', 'event', 'route', 'table'].includes(kind))
      throw new UsageError('surehop add needs to know what to add: consumer, event, route or table');
    if (name === '' || more.length > 0) throw new UsageError(`surehop add ${kind} needs exactly one name`);
    if (event === undefined && (kind === 'consumer' || kind === 'route'))
      throw new UsageError(`surehop add ${kind} needs --event with the type of the event`);
    const { queues, topology } = await import('serverless-surehop/definitions');
    const { tables } = await import('serverless-surehop/service-tables');
    const service: Service = { queues, tables, topology, loadEvents };
    const changes = new Changes(rootDirectory);
    if (kind === 'event') await addEvent(changes, service, name, { exchange });
    else if (kind === 'table') addTable(changes, service, name, key);
    else if (kind === 'route') await addRoute(changes, service, name, { event: event!, exchange });
    else
      await addConsumer(changes, service, name, {
        event: event!,
        queue,
        exchange,
        delays: delays?.split(','),
        orderBy,
      });
    const lines = options['dry-run'] ? changes.diff() : changes.write();
    for (const line of lines) print(line);
    if (lines.length === 0) say('No changes: the service already has everything that this command would add');
    return 0;
  },
});

const loadEvents = async (file: string): Promise<Record<string, EventDefinition<unknown>>> =>
  eventsIn((await import(pathToFileURL(join(rootDirectory, file)).href)) as Record<string, unknown>);
