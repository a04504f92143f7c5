export { brokerAccess, createManagementApi, ManagementError, type BrokerAccess } from './management-api.ts';
export { readNodeFigures, readQueueFigures, type NodeFigures, type QueueFigures } from './queue-figures.ts';
export { loginRotation } from './rotate-login.ts';
export { ensureUsers } from './users.ts';
export { loginOf, virtualHostOf } from '../address.ts';
export { parseLogin } from '../login.ts';
export { brokerSettings } from '../settings.ts';
