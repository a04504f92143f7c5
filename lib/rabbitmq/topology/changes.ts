export { declareTopology, TopologyError } from './declare.ts';
export { applyTopology, readDiff, requireSafe } from './apply.ts';
export { type Difference } from './difference.ts';
export { faultLine, planLine } from './describe.ts';
export { readRoles, readTopology } from './read-declaration.ts';
export { removeRetiredQueue } from './remove.ts';
