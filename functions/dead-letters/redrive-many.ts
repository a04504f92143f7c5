import { redriveManyRoute } from '../../lib/dead-letters/routes.ts';
import { ok } from '../../lib/http/answer.ts';
import { endpoint } from '../../lib/http/endpoint.ts';
import { surehop } from '../surehop.ts';
import { deadLetters } from './dead-letters.ts';

/** POST /dead-letters/redrive: redrives several dead letters. */
export const handler = endpoint(surehop, redriveManyRoute, async (request) =>
  ok(await deadLetters.redriveMany(request)),
);
