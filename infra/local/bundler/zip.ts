import { createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { ZipFile } from 'yazl';

/** Zips one file so that the same content always gives the same bytes. */
export async function zipFile(file: string, nameInZip: string, target: string): Promise<void> {
  const zip = new ZipFile();
  zip.addBuffer(await readFile(file), nameInZip, {
    // The DOS format is written in local time, so a local date is the same bytes in every zone.
    mtime: new Date(1980, 0, 1),
    forceDosTimestamp: true,
    mode: 0o100644,
    compressionLevel: 9,
  });
  zip.end();
  await pipeline(zip.outputStream, createWriteStream(target));
}
