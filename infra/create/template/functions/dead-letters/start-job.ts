import { startJobRoute } from 'surehop/dead-letters/routes';
import { endpoint } from 'surehop/http';

import { surehop } from '../surehop.ts';
import { deadLetters } from './dead-letters.ts';

/** POST /dead-letters/jobs */
export const handler = endpoint(surehop, startJobRoute, deadLetters.startJob);
