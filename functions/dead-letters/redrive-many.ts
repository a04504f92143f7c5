import { redriveManyRoute } from 'surehop/dead-letters/routes';
import { endpoint } from 'surehop/http';

import { surehop } from '../surehop.ts';
import { deadLetters } from './dead-letters.ts';

/** POST /dead-letters/redrive: redrives several dead letters. */
export const handler = endpoint(surehop, redriveManyRoute, deadLetters.redriveMany);
