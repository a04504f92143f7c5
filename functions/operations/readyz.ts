import { endpoint } from 'surehop/http';
import { readiness } from 'surehop/operations';
import { readyzRoute } from 'surehop/operations/routes';

import { surehop } from '../surehop.ts';

/** GET /readyz */
export const handler = endpoint(surehop, readyzRoute, readiness(surehop));
