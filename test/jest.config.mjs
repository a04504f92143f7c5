export default {
  rootDir: '..',
  // No glob and no regular expression may contain the root directory: its path may have characters that mean something in one.
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '\\.ts$': '<rootDir>/test/support/esbuild-transform.mjs' },
  testTimeout: 60_000,
  maxWorkers: 2,
};
