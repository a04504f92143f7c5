import { changeJobRoute } from 'surehop/dead-letters/routes';
import { endpoint } from 'surehop/http';

import { surehop } from '../surehop.ts';
import { deadLetters } from './dead-letters.ts';

/** POST /dead-letters/jobs/{id}: continues or cancels a redrive or discard job. */
export const handler = endpoint(surehop, changeJobRoute, deadLetters.changeJob);
