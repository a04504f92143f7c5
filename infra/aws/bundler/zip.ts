import { createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ZipFile } from 'yazl';

/** Creates a zip file that is identical, byte by byte, whenever the zipped files have the same content. */
export async function zipFiles(directory: string, names: readonly string[], target: string): Promise<void> {
  const zip = new ZipFile();
  for (const name of names.toSorted())
    zip.addBuffer(await readFile(join(directory, name)), name, {
      // A zip file stores local times, so a date in local time produces the same bytes in every time zone.
      mtime: new Date(1980, 0, 1),
      forceDosTimestamp: true,
      mode: 0o100644,
      compressionLevel: 9,
    });
  zip.end();
  await pipeline(zip.outputStream, createWriteStream(target));
}
