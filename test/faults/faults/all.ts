import type { Fault } from '../lab.ts';
import { brokerFaults } from './broker.ts';
import { environmentFaults } from './environments.ts';
import { functionFaults } from './functions.ts';
import { messageFaults } from './messages.ts';
import { networkFaults } from './network.ts';
import { operatorFaults } from './operators.ts';
import { orderFaults } from './order.ts';
import { storeFaults } from './store.ts';

/** All faults that can be injected with a single broker node. */
export const faults: readonly Fault[] = [
  ...networkFaults,
  ...brokerFaults,
  ...functionFaults,
  ...storeFaults,
  ...messageFaults,
  ...environmentFaults,
  ...operatorFaults,
  ...orderFaults,
];
