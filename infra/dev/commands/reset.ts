import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Problem, say } from '../runtime/command-line.ts';
import { localDirectory, startLock } from '../runtime/directories.ts';
import { doesDockerAnswer } from '../runtime/docker.ts';
import { takeLock } from '../runtime/process-lock.ts';
import { removePlainPath } from '../runtime/broker/plain-path.mjs';
import { defineCommand } from './command.ts';

/**
 * The files and folders that `surehop reset` keeps: caches, which contain no data and take long to download, and the lock of this
 * command.
 */
const KEPT = new Set(['cache', 'npm-cache', 'start.lock']);

export const command = defineCommand({
  usage: [''],
  needs: 'project',
  async run() {
    const lock = takeLock(startLock);
    if ('heldBy' in lock) {
      throw new Problem(
        `npm start is running in this project (pid ${lock.heldBy}) and uses the data; stop it with Ctrl-C or kill ${lock.heldBy}`,
      );
    }
    try {
      removePlainPath(join(localDirectory, 'rabbitmq'));
      for (const name of readdirSync(localDirectory)) {
        if (!KEPT.has(name)) rmSync(join(localDirectory, name), { recursive: true, force: true });
      }
      if (await doesDockerAnswer()) {
        const { removeVolume } = await import('../runtime/container.ts');
        for (const name of ['rabbitmq', 'dynamodb']) await removeVolume(join(localDirectory, name));
      }
      say('deleted all local queues, tables and logs');
      return 0;
    } finally {
      lock.release();
    }
  },
});
