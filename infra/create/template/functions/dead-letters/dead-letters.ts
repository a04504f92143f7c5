import { createDeadLetters } from 'surehop/dead-letters';

import { queues } from '../../infra/topology.ts';
import { surehop } from '../surehop.ts';

/** Archives, lists, redrives and discards the dead letters of this service's queues. */
export const deadLetters = createDeadLetters(surehop, queues);
