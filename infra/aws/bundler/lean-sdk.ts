import { dirname } from 'node:path';
import type { Plugin } from 'esbuild';

/**
 * An esbuild plugin that removes code of the AWS SDK that functions on Lambda never use. The removed code is a quarter
 * of each bundle: the parser of browser user agents, and all credential providers except the one that reads the
 * environment variables set by Lambda.
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
