import { getRoute } from '../../lib/dead-letters/routes.ts';
import { ok } from '../../lib/http/answer.ts';
import { endpoint } from '../../lib/http/endpoint.ts';
import { surehop } from '../surehop.ts';
import { deadLetters } from './dead-letters.ts';

/** GET /dead-letters/{id} */
export const handler = endpoint(surehop, getRoute, async ({ path }) => ok(await deadLetters.get(path.id)));
