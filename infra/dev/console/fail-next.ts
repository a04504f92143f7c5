import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** Makes the next attempts of a consumer fail. The attempts are counted across all processes that run the consumer. */
export interface FailNext {
  /**
   * The URL of a module that wraps the handlers of the consumers, in order to make attempts fail before the business
   * rule runs.
   */
  readonly handlerWrapper: string;
  /**
   * Makes the next `count` attempts of the consumer of a queue fail. The new count replaces an earlier count for the
   * same queue.
   */
  set(queue: string, count: number): void;
  /** Returns how many more attempts of the consumer of a queue will fail. */
  remaining(queue: string): number;
}

/**
 * Creates a `FailNext` that stores one file in `directory` for each attempt that must fail. The consumers, which run
 * in other processes, delete one file per failed attempt. First deletes the files of an earlier run.
 */
export function createFailNext(directory: string): FailNext {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  const filesOf = (queue: string) => join(directory, encodeURIComponent(queue));
  const wrapper = pathToFileURL(createRequire(import.meta.url).resolve('surehop-dev/failing-handler'));
  wrapper.searchParams.set('directory', directory);
  return {
    handlerWrapper: wrapper.href,
    set(queue, count) {
      rmSync(filesOf(queue), { recursive: true, force: true });
      if (count === 0) return;
      // The folder gets its name when it is complete, because consumers already look for it.
      const prepared = `${filesOf(queue)}.new`;
      mkdirSync(prepared, { recursive: true });
      for (let number = 1; number <= count; number += 1) writeFileSync(join(prepared, String(number)), '');
      renameSync(prepared, filesOf(queue));
    },
    remaining(queue) {
      try {
        return readdirSync(filesOf(queue)).length;
      } catch {
        return 0;
      }
    },
  };
}
