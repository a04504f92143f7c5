import { readyzRoute } from 'surehop/health';
import { endpoint } from 'surehop/http';
import { readiness } from 'surehop/operations';

import { surehop } from '../surehop.ts';

/** GET /readyz */
export const handler = endpoint(surehop, readyzRoute, readiness(surehop));
