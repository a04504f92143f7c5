import { join } from 'node:path';

import { jest } from '@jest/globals';

import { rootDirectory } from '../../../infra/dev/runtime/directories.ts';

/**
 * Replaces infra/topology.ts by the topology of the fictitious lending library in all modules that the test file
 * imports later.
 */
export const useExampleTopology = (): void => {
  jest.unstable_mockModule(join(rootDirectory, 'infra/topology.ts'), () => import('./topology.ts'));
};
