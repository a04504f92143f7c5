import type { Laptop } from '../laptop.ts';
import type { Settings } from './settings.ts';
import { withoutPassword } from './settings.ts';

/** What is shown when everything is up: where it is, a first order to paste, and where to look. */
export function welcome({ laptop, settings }: { laptop: Laptop; settings: Settings }): string {
  const { url, logFile } = laptop.service;
  const isOurs = settings.amqpUrl === undefined;
  const management = isOurs
    ? `${laptop.broker.managementUrl.replace('guest:guest@', '')} (guest / guest)`
    : withoutPassword(laptop.broker.managementUrl);
  return `ready ${url}

Put something on the shelf, then order it:

  curl -X PUT ${url}/stock/apple -H 'content-type: application/json' -d '{"available": 100}'
  curl -i -X POST ${url}/orders -H 'content-type: application/json' -H 'Idempotency-Key: my-first-order' \\
    -d '{"customerId": "ada", "currency": "EUR", "items": [{"sku": "apple", "quantity": 2, "unitPrice": 150}]}'

  queues        ${url}/status
  dead letters  ${url}/dead-letters
  RabbitMQ      ${management}
  log           ${logFile}

Ctrl-C stops it and keeps the data; npm run reset forgets it.
`;
}
