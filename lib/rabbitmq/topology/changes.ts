export { declareTopology, TopologyError } from './declare.ts';
export { applyTopology, readDiff } from './apply.ts';
export { type Difference } from './difference.ts';
export { faultLine, planLine } from './describe.ts';
export { removeRetiredQueue } from './remove.ts';
