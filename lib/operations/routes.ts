import type { Route } from '../http/endpoint.ts';
import { alarmsRoute } from './alarms-route.ts';
import { consoleRoute, healthzRoute, openApiRoute, readyzRoute } from './open-routes.ts';
import { statusRoute } from './status-route.ts';

export { alarmsRoute, consoleRoute, healthzRoute, openApiRoute, readyzRoute, statusRoute };

/** The HTTP routes of the functions that show the state of a service, in the order of the OpenAPI document. */
export const operationsRoutes = [
  healthzRoute,
  readyzRoute,
  statusRoute,
  alarmsRoute,
  openApiRoute,
] as const satisfies readonly Route[];
