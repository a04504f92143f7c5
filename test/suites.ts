/** A group of tests with a command of its own. */
interface Suite {
  /** The folders of test/ that the command runs. */
  readonly folders: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

/** The suites by the name of their command: `npm run test:packages` and so on; `npm test` runs `everyday`. */
export const suites: Readonly<Record<string, Suite>> = {
  everyday: { folders: ['unit', 'integration', 'contract', 'model'] },
  model: { folders: ['model'], environment: { MODEL_EXPLORATION: 'complete' } },
  packages: { folders: ['packages'] },
  service: { folders: ['service'] },
};

/** Folders whose tests use neither broker nor store. */
const SELF_CONTAINED = new Set(['unit', 'contract', 'model']);

/** Whether any of these test files, given by their paths below test/, needs a broker and a store. */
export const needsServices = (files: readonly string[]): boolean =>
  files.some((file) => !SELF_CONTAINED.has(file.split(/[/\\]/)[0]!));
