import { service } from 'serverless-surehop/definitions';

import type { Definitions } from '../definitions/read-definitions.ts';
import type { DevEnvironment } from './dev-environment.ts';
import type { Settings } from './settings.ts';
import { withoutPassword } from './settings.ts';

interface Started {
  readonly environment: DevEnvironment;
  readonly settings: Settings;
  readonly definitions: Pick<Definitions, 'service'>;
}

/**
 * Returns the text that `npm start` prints when everything runs: the first steps, and the addresses of the running
 * servers.
 */
export function welcome({ environment, settings, definitions }: Started): string {
  const { traces, service: running, broker } = environment;
  const { url, logFile } = running;
  const isStartedHere = settings.amqpUrl === undefined;
  const shown = (address: string) => (isStartedHere ? address : withoutPassword(address));
  const bearer = (scope: string) => `-H "authorization: Bearer $(npx surehop token --scope ${scope})"`;
  const firstSteps = service.firstSteps ? `\n${service.firstSteps({ url, bearer })}\n` : '';
  const routes = routesOf(definitions.service);
  const rows: readonly (readonly [name: string, text: string, route?: string])[] = [
    ['queues', `curl ${url}/status ${bearer('status:read')}`, 'GET /status'],
    ['dead letters', 'npx surehop dead-letters group', 'GET /dead-letters'],
    ['traces', traces === undefined ? String(settings.otlpEndpoint) : 'npx surehop trace ID'],
    ['OpenAPI', `${url}/openapi.json`, 'GET /openapi.json'],
    ['metrics', `${url}/metrics (for Prometheus)`],
    ['RabbitMQ', `${broker.managementUrl.replace(/\/\/[^/]*@/, '//')}${isStartedHere ? ' (guest / guest)' : ''}`],
    ['AMQP', shown(broker.amqpUrl)],
    ['DynamoDB', shown(environment.store.endpoint)],
    ['log', logFile],
  ];
  const page = routes.has('GET /console') ? `${url}/console` : url;
  return `ready ${page}
${firstSteps}
${rows
  .filter(([, , route]) => route === undefined || routes.has(route))
  .map(([name, text]) => `  ${name.padEnd(12)}  ${text}`)
  .join('\n')}

Ctrl-C stops the service and keeps the data; npx surehop reset deletes the data; npx surehop --help lists all commands.
`;
}

/** Returns the HTTP routes of the service, such as `GET /status`. */
function routesOf({ functions = {} }: Definitions['service']): ReadonlySet<string> {
  const events = Object.values(functions as Record<string, { events?: unknown }>).flatMap(({ events: of }) =>
    Array.isArray(of) ? (of as { httpApi?: string | { method: string; path: string } }[]) : [],
  );
  return new Set(
    events.flatMap(({ httpApi }) => {
      if (httpApi === undefined) return [];
      return [typeof httpApi === 'string' ? httpApi : `${httpApi.method.toUpperCase()} ${httpApi.path}`];
    }),
  );
}
