export default {
  rootDir: '..',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '\\.ts$': '<rootDir>/test/support/esbuild-transform.mjs' },
  modulePathIgnorePatterns: ['<rootDir>/.local/', '<rootDir>/.build/', '<rootDir>/.serverless/'],
  testTimeout: 60_000,
  maxWorkers: 2,
};
