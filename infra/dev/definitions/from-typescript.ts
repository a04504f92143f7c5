// The entry of what is compiled afresh after each edit (load-fresh.ts).
export { topology } from '../../topology.ts';
export { resolveVariable } from '../../aws/variables.ts';
