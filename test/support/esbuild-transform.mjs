import { basename } from 'node:path';
import { transformSync } from 'esbuild';

/** Jest's transform: strips types with esbuild, keeping ES modules. */
export default {
  process(source, path) {
    const { code, map } = transformSync(source, {
      loader: 'ts',
      format: 'esm',
      target: 'node20',
      // A source map names its sources by URL, relative to the map: as such a path would lose all after a `#`.
      sourcefile: basename(path),
      sourcemap: 'external',
    });
    return { code, map };
  },
};
