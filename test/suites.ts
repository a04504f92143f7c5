/** A group of tests with a command of its own. */
interface Suite {
  /** The folders of test/ that the command runs. */
  readonly folders: readonly string[];
  /** Which test files of these folders; all by default. */
  readonly patterns?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

/** The suites by the name of their command: `npm run test:packages` and so on; `npm test` runs `everyday`. */
export const suites: Readonly<Record<string, Suite>> = {
  everyday: { folders: ['unit', 'integration', 'contract', 'model'] },
  /** The tests that the everyday suite samples, at full size. */
  thorough: {
    folders: ['unit', 'integration', 'model'],
    patterns: [
      'model/settlement',
      'inbox/equivalence',
      'http/fuzz',
      'ordering/bounds',
      'rabbitmq/amqp-codec',
      'rabbitmq/topology-diff',
    ],
    environment: { THOROUGH: 'true' },
  },
  packages: { folders: ['packages'] },
  service: { folders: ['service'] },
};

/** Folders whose tests use neither broker nor store. */
const SELF_CONTAINED = new Set(['unit', 'contract', 'model']);

/** Whether any of these test files or folders, given by their paths below test/, needs a broker and a store. */
export const needsServices = (paths: readonly string[]): boolean =>
  paths.some((path) => !SELF_CONTAINED.has(path.split(/[/\\]/)[0]!));
