import { join } from 'node:path';

import Sequencer from '@jest/test-sequencer';

/** The test files that take longest, the longest first. */
const LONGEST = [
  'service/npm-start',
  'service/dev-environment',
  'service/running-service',
  'service/faults',
  'integration/crash-loop/crash-loop',
  'integration/topology/silent-dependencies',
  'integration/orders/silent-dependencies',
  'integration/topology/remove',
  'model/settlement',
  'integration/topology/verify',
  'integration/rabbitmq/rotate-login',
  'integration/topology/sharded-queues',
  'integration/orders/fuzz',
  'integration/orders/two-builds',
  'packages/create-surehop',
  'packages/stage-changes',
  'packages/serverless-package',
].map((name) => join(import.meta.dirname, '..', `${name}.test.ts`));

/**
 * Starts the longest test files first, so that none of them runs alone at the end. Jest does the same, but only after
 * its first run in a clone.
 */
export default class extends Sequencer {
  sort(tests) {
    const place = ({ path }) => (LONGEST.includes(path) ? LONGEST.indexOf(path) : LONGEST.length);
    // This method sorts tests, and is not the method of arrays.
    // oxlint-disable-next-line no-array-sort
    const byDuration = super.sort(tests);
    return byDuration.toSorted((one, other) => place(one) - place(other));
  }
}
