import { discardRoute } from 'surehop/archive';
import { endpoint, ok } from 'surehop/http';

import { surehop } from '../surehop.ts';
import { deadLetters } from './dead-letters.ts';

/** DELETE /dead-letters/{id} */
export const handler = endpoint(surehop, discardRoute, async (request) => ok(await deadLetters.discard(request)));
