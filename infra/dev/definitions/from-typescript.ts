// load-fresh.ts compiles these modules again after every edit.
export { tableResources } from '../../aws/foundation/tables.ts';
export { topology } from '../../topology.ts';
export { resolveVariable } from '../../aws/variables.ts';
