import { endpoint, ok } from 'surehop/http';
import { healthzRoute } from 'surehop/operations/routes';

import { surehop } from '../surehop.ts';

/** GET /healthz */
export const handler = endpoint(surehop, healthzRoute, () => ok({ status: 'alive' }));
