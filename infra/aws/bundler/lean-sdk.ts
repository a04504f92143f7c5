import { dirname } from 'node:path';
import type { Plugin } from 'esbuild';

/**
 * Leaves out of the AWS SDK what no function on Lambda can use, a quarter of a bundle: every source of credentials but the
 * environment, where Lambda puts them (SSO, profiles, instance metadata, …), and the reader of browsers' user agents.
 */
export const leanSdk: Plugin = {
  name: 'lean-sdk',
  setup({ onLoad, onResolve }) {
    onLoad({ filter: /[\\/]@aws-sdk[\\/]credential-provider-node[\\/]dist-es[\\/]index\.js$/ }, ({ path }) => ({
      contents: `export { fromEnv as defaultProvider } from '@aws-sdk/credential-provider-env';`,
      resolveDir: dirname(path),
    }));
    onResolve({ filter: /^bowser$/ }, ({ path, importer }) =>
      /[\\/]@aws-sdk[\\/]/.test(importer) ? { path, external: true } : undefined,
    );
  },
};
