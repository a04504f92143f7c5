import { endpoint } from 'surehop/http';
import { queueStatus } from 'surehop/operations';
import { statusRoute } from 'surehop/operations/routes';

import { queues } from '../../infra/topology.ts';
import { surehop } from '../surehop.ts';

/** GET /status */
export const handler = endpoint(surehop, statusRoute, queueStatus(surehop, queues));
