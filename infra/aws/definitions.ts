// What the service defines, as surehop-dev needs it to run the service on a developer's machine. Commands that need only these
// definitions start faster because these modules import no library.
export { service } from '../service.ts';
export { deadLetterQueue, queues, topology } from '../topology.ts';
export { scopes } from './foundation/operators.ts';
