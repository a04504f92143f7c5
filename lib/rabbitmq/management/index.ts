export { createManagementApi, ManagementError, type BrokerAccess } from './management-api.ts';
export { loginOf, virtualHostOf } from '../address.ts';
