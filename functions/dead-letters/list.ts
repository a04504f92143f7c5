import { listRoute } from '../../lib/dead-letters/routes.ts';
import { ok } from '../../lib/http/answer.ts';
import { endpoint } from '../../lib/http/endpoint.ts';
import { surehop } from '../surehop.ts';
import { deadLetters } from './dead-letters.ts';

/** GET /dead-letters */
export const handler = endpoint(surehop, listRoute, async ({ query }) => ok(await deadLetters.list(query)));
