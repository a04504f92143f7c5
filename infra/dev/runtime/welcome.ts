import { service } from '../../service.ts';
import type { DevEnvironment } from './dev-environment.ts';
import type { Settings } from './settings.ts';
import { withoutPassword } from './settings.ts';

/**
 * Returns the text that `npm start` prints when everything runs: the first steps that the service suggests, and the
 * addresses of the running servers.
 */
export function welcome({ environment, settings }: { environment: DevEnvironment; settings: Settings }): string {
  const { url, logFile } = environment.service;
  const { traces } = environment;
  const isStartedHere = settings.amqpUrl === undefined;
  const management = isStartedHere
    ? `${environment.broker.managementUrl.replace('guest:guest@', '')} (guest / guest), ${environment.broker.amqpUrl}`
    : withoutPassword(environment.broker.managementUrl);
  const bearer = (scope: string) => `-H "authorization: Bearer $(npm run -s token -- --scope ${scope})"`;
  const firstSteps = service.firstSteps ? `\n${service.firstSteps({ url, bearer })}\n` : '';
  return `ready ${url}
${firstSteps}
  queues        curl ${url}/status ${bearer('status:read')}
  dead letters  curl ${url}/dead-letters ${bearer('dead-letters:read')}
  traces        ${traces === undefined ? settings.otlpEndpoint : 'npm run trace -- <order id>'}
  OpenAPI       ${url}/openapi.json
  metrics       ${url}/metrics (for Prometheus)
  RabbitMQ      ${management}
  log           ${logFile}

Ctrl-C stops the service and keeps the data; npm run reset deletes the data.
`;
}
