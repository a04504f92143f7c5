import { rotateLogin } from 'surehop/deployment';

import { brokerRoles } from '../../infra/topology.ts';
import { surehop } from '../surehop.ts';

/** Secrets Manager invokes this function to rotate the logins of the broker's users. */
export const handler = rotateLogin(surehop, brokerRoles);
