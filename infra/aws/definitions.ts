// What the service defines, as surehop-dev needs it to run the service on a developer's machine.
export { service } from '../service.ts';
export { readLocalStage } from '../stages/read-stage.ts';
export { tables } from '../tables.ts';
export { deadLetterQueue, queues, topology } from '../topology.ts';
export { scopes } from './foundation/operators.ts';
export { tableResources } from './foundation/tables.ts';
export { resolveVariable, type SourceName } from './variables.ts';
