import { queues } from '../../infra/topology.ts';
import { createDeadLetters } from '../../lib/dead-letters/dead-letters.ts';
import { surehop } from '../surehop.ts';

/** The archive of the dead letters of this service's queues. */
export const deadLetters = createDeadLetters(surehop, queues);
