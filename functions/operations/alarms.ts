import { endpoint } from 'surehop/http';
import { alarmStates } from 'surehop/operations';
import { alarmsRoute } from 'surehop/operations/routes';

import { surehop } from '../surehop.ts';

/** GET /alarms */
export const handler = endpoint(surehop, alarmsRoute, alarmStates(surehop));
