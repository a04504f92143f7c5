import { getDeadLetter } from 'surehop/dead-letters';
import { getRoute } from 'surehop/dead-letters/routes';
import { endpoint } from 'surehop/http';

import { events } from '../events.ts';
import { surehop } from '../surehop.ts';

/** GET /dead-letters/{id} */
export const handler = endpoint(surehop, getRoute, getDeadLetter(surehop, events));
