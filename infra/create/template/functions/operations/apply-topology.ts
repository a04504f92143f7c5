import { deployTopology } from 'surehop/deployment';

/** CloudFormation invokes this function to create and update the broker's exchanges, queues, bindings, policies and users. */
export const handler = deployTopology(() => import('../surehop.ts'));
