import type { DevEnvironment } from './dev-environment.ts';
import type { Settings } from './settings.ts';
import { withoutPassword } from './settings.ts';

const DEFAULT_PORT = 3_000;

/** Returns the text that `npm start` prints when everything runs: addresses, and commands for a first order. */
export function welcome({ environment, settings }: { environment: DevEnvironment; settings: Settings }): string {
  const { url, logFile } = environment.service;
  const isStartedHere = settings.amqpUrl === undefined;
  const management = isStartedHere
    ? `${environment.broker.managementUrl.replace('guest:guest@', '')} (guest / guest), ${environment.broker.amqpUrl}`
    : withoutPassword(environment.broker.managementUrl);
  const where = settings.httpPort === DEFAULT_PORT ? '' : ` --url ${url}`;
  const bearer = (scope: string) => `-H "authorization: Bearer $(npm run -s token -- --scope ${scope})"`;
  return `ready ${url}

Set the stock of an item, place an order (signed with the development key), and read the customer's points:

  curl -X PUT ${url}/stock/apple -H 'content-type: application/json' -d '{"available": 100}' \\
    ${bearer('stock:write')}
  npm run order -- --sku apple --quantity 2 --key my-first-order${where}
  curl ${url}/customers/ada/points

  queues        curl ${url}/status ${bearer('status:read')}
  dead letters  curl ${url}/dead-letters ${bearer('dead-letters:read')}
  OpenAPI       ${url}/openapi.json
  RabbitMQ      ${management}
  log           ${logFile}

Ctrl-C stops the service and keeps the data; npm run reset deletes the data.
`;
}
