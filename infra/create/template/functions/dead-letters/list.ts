import { listRoute } from 'surehop/dead-letters/routes';
import { endpoint } from 'surehop/http';

import { surehop } from '../surehop.ts';
import { deadLetters } from './dead-letters.ts';

/** GET /dead-letters */
export const handler = endpoint(surehop, listRoute, deadLetters.list);
