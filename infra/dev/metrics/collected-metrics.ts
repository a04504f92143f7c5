import { routeOf } from 'serverless-surehop/alarms';
import { queues, service } from 'serverless-surehop/definitions';
import { toolkitMetrics, type MetricTable } from 'surehop';
import { problems, type Dependency } from 'surehop/http';

import type { KnownValues } from './collector.ts';
import { eventSourceMetrics, INVOCATION_OUTCOMES } from './event-source.ts';
import { localFunctions } from './local-functions.ts';

/** All metrics that `GET /metrics` serves. */
export const collectedMetrics: MetricTable = { ...toolkitMetrics, ...eventSourceMetrics, ...service.ownMetrics };

/**
 * Returns the values of metric dimensions, such as queues and routes, that are known before the first request and the
 * first message.
 */
export function knownValues(): KnownValues {
  const statuses = new Set([200, 202, ...Object.values(problems).map(({ status }) => status)]);
  return {
    queue: Object.values(queues).map(({ name }) => name),
    route: localFunctions().flatMap((one) => {
      const route = routeOf(one);
      return route ? [`${route.method} ${route.path}`] : [];
    }),
    status: [...statuses].map(String),
    outcome: INVOCATION_OUTCOMES,
    dependency: ['broker', 'store'] satisfies Dependency[],
  };
}
