import { alarmsRoute } from 'surehop/health';
import { endpoint } from 'surehop/http';
import { alarmStates } from 'surehop/operations';

import { surehop } from '../surehop.ts';

/** GET /alarms */
export const handler = endpoint(surehop, alarmsRoute, alarmStates(surehop));
