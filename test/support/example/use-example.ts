import { join } from 'node:path';

import { jest } from '@jest/globals';

import { rootDirectory } from '../../../infra/dev/runtime/directories.ts';

/**
 * Makes the modules that the test file imports later use the topology of the fictitious lending library instead of
 * infra/topology.ts.
 */
export const useExampleTopology = (): void => {
  jest.unstable_mockModule(join(rootDirectory, 'infra/topology.ts'), () => import('./topology.ts'));
};
