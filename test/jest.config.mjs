export default {
  rootDir: '..',
  // Globs and regular expressions must not contain the root directory, because its path may contain special
  // characters.
  // The sources are roots too, so that --findRelatedTests can follow imports through them.
  roots: ['<rootDir>/functions', '<rootDir>/infra', '<rootDir>/lib', '<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  // The tests of the template are for the test runner of Node.
  testPathIgnorePatterns: ['/node_modules/', '/infra/create/template/'],
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '\\.ts$': '<rootDir>/test/support/esbuild-transform.mjs' },
  setupFilesAfterEnv: ['<rootDir>/test/support/quiet.mjs'],
  testTimeout: 60_000,
  // Most test files wait more than they compute: for a broker, a delay or another process.
  maxWorkers: 4,
  testSequencer: '<rootDir>/test/support/sequencer.mjs',
};
