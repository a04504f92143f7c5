// Wraps the handler of a consumer that `npm start` runs. The route POST /console/dev/fail-next writes one file for each attempt
// that is to fail. An attempt that deletes such a file fails before its business rule runs.
import { existsSync, readdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';

const directory = new URL(import.meta.url).searchParams.get('directory');

export default function failingHandler(handler) {
  const { definition } = handler;
  if (!definition) return handler;
  const files = join(directory, encodeURIComponent(definition.queue.name));
  for (const rule of definition.rules ?? [definition])
    for (const name of ['decide', 'perform']) {
      const run = rule[name];
      if (!run) continue;
      rule[name] = (event, context) => {
        if (takeFile(files)) throw new Error('this attempt failed because POST /console/dev/fail-next asked for it');
        return run(event, context);
      };
    }
  return handler;
}

function takeFile(files) {
  if (!existsSync(files)) return false;
  return readdirSync(files).some((name) => {
    try {
      unlinkSync(join(files, name));
      return true;
    } catch {
      // Another process has taken this file.
      return false;
    }
  });
}
