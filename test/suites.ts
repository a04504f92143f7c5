interface Suite {
  readonly folders: readonly string[];
  /**
   * Patterns that select test files in the folders of a test suite. Without patterns, the suite contains all test
   * files.
   */
  readonly patterns?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

/**
 * The test suites by name. For example, `npm run test:packages` runs the suite `packages`; `npm test` runs the suite
 * `everyday`.
 */
export const suites: Readonly<Record<string, Suite>> = {
  everyday: { folders: ['unit', 'integration', 'contract', 'model'] },
  /**
   * The random and exhaustive tests with all of their cases. The suite `everyday` runs only a sample of these cases.
   */
  thorough: {
    folders: ['unit', 'integration', 'model'],
    patterns: [
      'model/',
      'inbox/equivalence',
      'inbox/pack-and-transaction',
      'testing/memory-store',
      'orders/fuzz',
      'orders/bounds',
      'rabbitmq/amqp-codec',
      'rabbitmq/topology-diff',
    ],
    environment: { THOROUGH: 'true' },
  },
  packages: { folders: ['packages'] },
  service: { folders: ['service'] },
  observability: { folders: ['observability'] },
  browser: { folders: ['browser'] },
};

/** The folders in test/ with tests that need neither RabbitMQ nor DynamoDB, or that start both themselves. */
const SELF_CONTAINED = new Set(['unit', 'contract', 'model', 'browser']);

/** Returns whether any of the given test files or folders, relative to test/, needs RabbitMQ and DynamoDB. */
export const needsServices = (paths: readonly string[]): boolean =>
  paths.some((path) => !SELF_CONTAINED.has(path.split(/[/\\]/)[0]!));
