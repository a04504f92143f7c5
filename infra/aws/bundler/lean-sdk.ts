import { dirname } from 'node:path';
import type { Plugin } from 'esbuild';

/**
 * Removes parts of the AWS SDK that Lambda never uses and that make up a quarter of a bundle: all credential providers except the
 * one for environment variables, which Lambda sets, and the parser of browser user agents.
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
