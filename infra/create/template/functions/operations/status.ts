import { statusRoute } from 'surehop/health';
import { endpoint } from 'surehop/http';
import { queueStatus } from 'surehop/operations';

import { queues } from '../../infra/topology.ts';
import { surehop } from '../surehop.ts';

/** GET /status */
export const handler = endpoint(surehop, statusRoute, queueStatus(surehop, queues));
