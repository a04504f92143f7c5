import { discardRoute } from '../../lib/dead-letters/routes.ts';
import { ok } from '../../lib/http/answer.ts';
import { endpoint } from '../../lib/http/endpoint.ts';
import { surehop } from '../surehop.ts';
import { deadLetters } from './dead-letters.ts';

/** DELETE /dead-letters/{id} */
export const handler = endpoint(surehop, discardRoute, async (request) => ok(await deadLetters.discard(request)));
