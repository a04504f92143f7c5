import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { transformSync, version } from 'esbuild';

const options = {
  loader: 'ts',
  format: 'esm',
  target: 'node20',
  sourcemap: 'external',
};

/** Jest's transform: strips types with esbuild, keeping ES modules. */
export default {
  process(source, path) {
    // A source map refers to its sources by URL. In a URL, a path with a `#` would lose everything after that
    // character.
    const { code, map } = transformSync(source, { ...options, sourcefile: basename(path) });
    return { code, map };
  },
  // Jest's default cache key contains all Jest settings, so a command with other settings would transform all files
  // again.
  getCacheKey: (source, path) =>
    createHash('sha256')
      .update([version, JSON.stringify(options), basename(path), source].join('\0'))
      .digest('hex'),
};
