import { join } from 'node:path';

import { jest } from '@jest/globals';

import { rootDirectory } from '../../../infra/dev/runtime/directories.ts';

/**
 * Replaces infra/topology.ts with the topology of a lending library (the tests' example domain), in all modules that
 * the test file imports after this call.
 */
export const useExampleTopology = (): void => {
  jest.unstable_mockModule(join(rootDirectory, 'infra/topology.ts'), () => import('./topology.ts'));
};
