import { brokerRoles, topology } from '../topology.ts';

/** What the template hands the custom resource. They are text, since CloudFormation turns numbers in properties into text. */
export const topologyProperties = { Topology: JSON.stringify(topology), Roles: JSON.stringify(brokerRoles) };
