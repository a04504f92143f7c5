import { editDeadLetter } from 'surehop/dead-letters';
import { editRoute } from 'surehop/dead-letters/routes';
import { endpoint } from 'surehop/http';

import { queues } from '../../infra/topology.ts';
import { events } from '../events.ts';
import { surehop } from '../surehop.ts';

/** POST /dead-letters/{id}/edit: publishes an edited message that replaces the message of a dead letter. */
export const handler = endpoint(surehop, editRoute, editDeadLetter(surehop, queues, events));
