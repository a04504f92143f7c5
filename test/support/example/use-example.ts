import { join } from 'node:path';

import { jest } from '@jest/globals';

import { rootDirectory } from '../../../infra/dev/runtime/directories.ts';

/**
 * Lets the functions in functions/dead-letters and functions/operations use the topology of the fictitious lending library instead of
 * infra/topology.ts. Affects only modules that the test file imports later, with `await import`.
 */
export const useExampleTopology = (): void => {
  jest.unstable_mockModule(join(rootDirectory, 'infra/topology.ts'), () => import('./topology.ts'));
};
