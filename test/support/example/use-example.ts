import { join } from 'node:path';

import { jest } from '@jest/globals';

import { rootDirectory } from '../../../infra/dev/runtime/directories.ts';

/**
 * In all modules that the test file imports later, replaces infra/topology.ts by the topology of a lending library, the
 * tests' example domain.
 */
export const useExampleTopology = (): void => {
  jest.unstable_mockModule(join(rootDirectory, 'infra/topology.ts'), () => import('./topology.ts'));
};
