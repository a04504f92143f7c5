import { jobsRoute } from 'surehop/dead-letters/routes';
import { endpoint } from 'surehop/http';

import { surehop } from '../surehop.ts';
import { deadLetters } from './dead-letters.ts';

/** GET /dead-letters/jobs */
export const handler = endpoint(surehop, jobsRoute, deadLetters.jobs);
