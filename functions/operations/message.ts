import { endpoint } from 'surehop/http';
import { createTimelines, messageRoute } from 'surehop/timeline';

import { queues } from '../../infra/topology.ts';
import { surehop } from '../surehop.ts';

/** GET /messages/{id} */
export const handler = endpoint(surehop, messageRoute, createTimelines(surehop, queues).get);
