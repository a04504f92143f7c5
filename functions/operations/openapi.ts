import { deadLetterRoutes } from 'surehop/dead-letters/routes';
import { endpoint, ok, openApi } from 'surehop/http';
import { consoleRoute, operationsRoutes, openApiRoute } from 'surehop/operations/routes';
import { messageRoute } from 'surehop/timeline';

import { orderRoutes } from '../orders/routes.ts';
import { surehop } from '../surehop.ts';

const about = {
  title: 'Surehop',
  version: '1.0.0',
  description:
    'Every accepted message is processed exactly once, or archived as a dead letter that operators can inspect.',
};

/** Every route of the service, in the order of the OpenAPI document. */
const routes = [...orderRoutes, ...deadLetterRoutes, messageRoute, ...operationsRoutes, consoleRoute];

/** GET /openapi.json: returns the OpenAPI document, which is generated from the schemas that validate requests. */
export const handler = endpoint(surehop, openApiRoute, () => ok(openApi(surehop, about, routes)));
