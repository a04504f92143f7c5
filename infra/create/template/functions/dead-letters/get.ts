import { getRoute } from 'surehop/archive';
import { endpoint } from 'surehop/http';

import { surehop } from '../surehop.ts';
import { deadLetters } from './dead-letters.ts';

/** GET /dead-letters/{id} */
export const handler = endpoint(surehop, getRoute, deadLetters.get);
