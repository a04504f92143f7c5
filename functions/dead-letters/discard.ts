import { discardRoute } from 'surehop/dead-letters/routes';
import { endpoint } from 'surehop/http';

import { surehop } from '../surehop.ts';
import { deadLetters } from './dead-letters.ts';

/** DELETE /dead-letters/{id} */
export const handler = endpoint(surehop, discardRoute, deadLetters.discard);
