import { groupsRoute } from 'surehop/dead-letters/routes';
import { endpoint } from 'surehop/http';

import { surehop } from '../surehop.ts';
import { deadLetters } from './dead-letters.ts';

/** GET /dead-letters/groups */
export const handler = endpoint(surehop, groupsRoute, deadLetters.groups);
