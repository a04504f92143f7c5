export { DEAD_LETTERS, defineTopology, workQueue } from './define.ts';
export { type Topology, type WorkQueue } from './topology.ts';
export { brokerRolesFor, type BrokerRole } from '../management/roles.ts';
