import { page } from 'surehop-console/page';
import { endpoint } from 'surehop/http';
import { consolePage } from 'surehop/operations';
import { consoleRoute } from 'surehop/operations/routes';

import { surehop } from '../surehop.ts';

/** GET /console: answers with the page of the operators' console. */
export const handler = endpoint(surehop, consoleRoute, consolePage(surehop, page));
