import type { Laptop } from './dev-environment.ts';
import type { Settings } from './settings.ts';
import { withoutPassword } from './settings.ts';

const DEFAULT_PORT = 3_000;

/** What is shown when everything is up: where it is, a first order to paste, and where to look. */
export function welcome({ laptop, settings }: { laptop: Laptop; settings: Settings }): string {
  const { url, logFile } = laptop.service;
  const isOurs = settings.amqpUrl === undefined;
  const management = isOurs
    ? `${laptop.broker.managementUrl.replace('guest:guest@', '')} (guest / guest), ${laptop.broker.amqpUrl}`
    : withoutPassword(laptop.broker.managementUrl);
  const where = settings.httpPort === DEFAULT_PORT ? '' : ` --url ${url}`;
  const bearer = (scope: string) => `-H "authorization: Bearer $(npm run -s token -- --scope ${scope})"`;
  return `ready ${url}

Put something on the shelf, order it (signed with the development key), and see what became of it:

  curl -X PUT ${url}/stock/apple -H 'content-type: application/json' -d '{"available": 100}' \\
    ${bearer('stock:write')}
  npm run order -- --sku apple --quantity 2 --key my-first-order${where}
  curl ${url}/customers/ada/points

  queues        curl ${url}/status ${bearer('status:read')}
  dead letters  curl ${url}/dead-letters ${bearer('dead-letters:read')}
  the contract  ${url}/openapi.json
  RabbitMQ      ${management}
  log           ${logFile}

Ctrl-C stops it and keeps the data; npm run reset forgets it.
`;
}
