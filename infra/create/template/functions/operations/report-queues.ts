import { reportQueues } from 'surehop/operations';

import { queues } from '../../infra/topology.ts';
import { surehop } from '../surehop.ts';

/** Records the metrics of the queues and of the broker's nodes once a minute. */
export const handler = reportQueues(surehop, queues);
