import { redriveRoute } from 'surehop/dead-letters/routes';
import { endpoint } from 'surehop/http';

import { surehop } from '../surehop.ts';
import { deadLetters } from './dead-letters.ts';

/** POST /dead-letters/{id}/redrive: redrives one dead letter. */
export const handler = endpoint(surehop, redriveRoute, deadLetters.redrive);
