// The modules that load-fresh.ts compiles again after every edit.
export { tableResources } from '../../aws/foundation/tables.ts';
export { topology } from '../../topology.ts';
export { resolveVariable } from '../../aws/variables.ts';
