// yazl has no type definitions. This file declares the part that the bundler uses.
declare module 'yazl' {
  export class ZipFile {
    readonly outputStream: NodeJS.ReadableStream;
    addBuffer(
      content: Buffer,
      metadataPath: string,
      options: { mtime: Date; mode: number; compressionLevel: number; forceDosTimestamp: boolean },
    ): void;
    end(): void;
  }
}
