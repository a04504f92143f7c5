import { healthzRoute } from 'surehop/health';
import { endpoint, ok } from 'surehop/http';

import { surehop } from '../surehop.ts';

/** GET /healthz */
export const handler = endpoint(surehop, healthzRoute, () => ok({ status: 'alive' }));
