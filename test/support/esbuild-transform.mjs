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
    // A source map names its sources by URL, relative to the map: as such a path would lose all after a `#`.
    const { code, map } = transformSync(source, { ...options, sourcefile: basename(path) });
    return { code, map };
  },
  // Jest's own key has all of its settings, so that every command would transform everything again.
  getCacheKey: (source, path) =>
    createHash('sha256')
      .update([version, JSON.stringify(options), basename(path), source].join('\0'))
      .digest('hex'),
};
