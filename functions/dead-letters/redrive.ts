import { redriveRoute } from '../../lib/dead-letters/routes.ts';
import { ok } from '../../lib/http/answer.ts';
import { endpoint } from '../../lib/http/endpoint.ts';
import { surehop } from '../surehop.ts';
import { deadLetters } from './dead-letters.ts';

/** POST /dead-letters/{id}/redrive: redrives one dead letter. */
export const handler = endpoint(surehop, redriveRoute, async (request) => ok(await deadLetters.redrive(request)));
