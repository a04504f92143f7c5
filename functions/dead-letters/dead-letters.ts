import { queues } from '../../infra/topology.ts';
import { createDeadLetters } from '../../lib/dead-letters/dead-letters.ts';
import { surehop } from '../surehop.ts';

/** Archives, lists, redrives and discards the dead letters of this service's queues. */
export const deadLetters = createDeadLetters(surehop, queues);
