import * as z from 'zod';
import { deadLetterRoutes } from 'surehop/archive';
import { endpoint, ok, open, openApi, type Route } from 'surehop/http';

import { orderRoutes } from '../orders/routes.ts';
import { surehop } from '../surehop.ts';
import { route as healthz } from './healthz.ts';
import { route as readyz } from './readyz-route.ts';
import { route as status } from './status.ts';

export const route = {
  route: 'GET /openapi.json',
  summary: 'Returns this document.',
  access: open,
  answers: { 200: z.looseObject({ openapi: z.string() }) },
  example: { answer: { openapi: '3.1.1' } },
} satisfies Route;

/** Every route of the service, in the order of the OpenAPI document. */
const routes: readonly Route[] = [...orderRoutes, ...deadLetterRoutes, healthz, readyz, status, route];

/** GET /openapi.json: returns the OpenAPI document, which is generated from the schemas that validate requests. */
export const handler = endpoint(surehop, route, () =>
  ok(
    openApi(
      {
        title: 'Surehop',
        version: '1.0.0',
        description:
          'Every accepted message is processed exactly once, or archived as a dead letter that operators can inspect.',
      },
      routes,
      surehop.urnNamespace,
    ),
  ),
);
