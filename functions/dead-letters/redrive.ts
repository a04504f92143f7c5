import { redriveRoute } from 'surehop/archive';
import { endpoint, ok } from 'surehop/http';

import { surehop } from '../surehop.ts';
import { deadLetters } from './dead-letters.ts';

/** POST /dead-letters/{id}/redrive: redrives one dead letter. */
export const handler = endpoint(surehop, redriveRoute, async (request) => ok(await deadLetters.redrive(request)));
