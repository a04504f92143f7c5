import { existsSync, readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { fileURLToPath } from 'node:url';

import { shortText } from './short-text.ts';
import { describeError, isInstance, readProperty } from './errors.ts';

/** The maximum number of frames that are read from a stack trace. Further frames are ignored. */
const MAX_FRAMES = 20;
/**
 * The maximum number of stack frames in the service's own code that are returned for one error. The innermost frames
 * are kept.
 */
const MAX_OWN_FRAMES = 5;
const MAX_FRAME_LENGTH = 200;
const MAX_MESSAGE_LENGTH = 1_000;
/**
 * The maximum number of entries in the cache that maps code positions in the bundle to positions in the source files.
 * The cache is emptied when it is full.
 */
const MAX_CACHED = 1_000;

export interface LoggableError {
  readonly name: string;
  readonly message: string;
  /**
   * The stack trace of the error, with positions in the source files instead of the bundle. Absent if the thrown value
   * has no stack trace.
   */
  readonly stack?: string;
}

/** Converts a thrown value for the log, with shortened texts and with positions in the source files. */
export function toLoggable(thrown: unknown): LoggableError {
  const message = shortText(describeError(thrown).message, MAX_MESSAGE_LENGTH);
  if (!isInstance(thrown, Error)) return { name: typeof thrown, message };
  const frames = framesOf(thrown);
  return {
    name: nameOf(thrown),
    message,
    stack: frames.length > 0 ? frames.join('\n') : undefined,
  };
}

/**
 * Returns the two log fields for an error: `reason` is the error code, and `error` contains the message and the stack
 * trace.
 */
export const errorFields = (thrown: unknown): { readonly reason: string; readonly error: LoggableError } => ({
  reason: describeError(thrown).code,
  error: toLoggable(thrown),
});

/**
 * Runs `work`. If `work` throws an error, maps the positions in the stack trace of the error from the bundle to the
 * source files.
 */
export async function withSourcePositions<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw atSource(error);
  }
}

/** Returns the name of a thrown error. If the thrown value is not an error, returns the type of the value. */
export function nameOf(thrown: unknown): string {
  if (!isInstance(thrown, Error)) return typeof thrown;
  const name = readProperty(thrown, 'name');
  return typeof name === 'string' ? shortText(name, MAX_FRAME_LENGTH) : 'Error';
}

/**
 * The maximum number of nested causes whose stack traces are rewritten. The limit also ends the loop if an error is its
 * own cause.
 */
const MAX_CAUSES = 5;

function atSource(thrown: unknown, causes = MAX_CAUSES): unknown {
  if (!isInstance(thrown, Error)) return thrown;
  const frames = framesOf(thrown).map((frame) => `    at ${frame}`);
  try {
    if (frames.length > 0) thrown.stack = [`${nameOf(thrown)}: ${describeError(thrown).message}`, ...frames].join('\n');
  } catch {
    // The stack of a frozen error cannot be changed.
  }
  if (causes > 0) atSource(readProperty(thrown, 'cause'), causes - 1);
  return thrown;
}

/**
 * Returns the error's innermost stack frames in the service's own code, as `path:line:column`. The list is empty if
 * there are none.
 */
export const ownFramesOf = (thrown: unknown): readonly string[] => ownFrames(thrown, MAX_CAUSES);

function ownFrames(thrown: unknown, causes: number): readonly string[] {
  if (!isInstance(thrown, Error)) return [];
  const own = framesOf(thrown)
    .filter((frame) => !isForeign(frame))
    .slice(0, MAX_OWN_FRAMES);
  return own.length > 0 || causes === 0 ? own : ownFrames(readProperty(thrown, 'cause'), causes - 1);
}

/** Whether a stack frame is outside the service's own code: in a dependency, in Node.js, or in the toolkit. */
const isForeign = (frame: string) =>
  /(^|[/(])node_modules\/|\bnode:|(^|[/ (])lib\/(archive|aws|consumer|crash-loop|dead-letters|deployment|dynamodb|events|http|inbox|message|operations|ordering|rabbitmq|runtime|testing|timeline|tracing)\//.test(
    frame,
  );

function framesOf(error: Error): string[] {
  const stack = readProperty(error, 'stack');
  if (typeof stack !== 'string') return [];
  const lines = stack.slice(0, 20_000).split('\n');
  return lines.flatMap(toFrame).slice(0, MAX_FRAMES);
}

const FRAME =
  /^\s+at (?:async )?(?:(?<name>.+) \()?(?<file>(?:file:\/\/|\/|node:|[A-Za-z]:\\).*?):(?<line>\d+):(?<column>\d+)\)?$/;

function toFrame(text: string): string[] {
  const { name, file, line, column } = FRAME.exec(text)?.groups ?? {};
  if (file === undefined) return [];
  const position = `${file}:${line}:${column}`;
  let frame = cached.get(position);
  if (frame === undefined) {
    if (cached.size >= MAX_CACHED) cached.clear();
    cached.set(position, (frame = sourcePosition(file, Number(line), Number(column))));
  }
  // The minifier renames functions, so frames in a bundle are shown without their function names.
  const isMapped = mapOf(file) !== undefined;
  return [shortText(isMapped || name === undefined ? frame : `${name} (${frame})`, MAX_FRAME_LENGTH)];
}

const cached = new Map<string, string>();

function sourcePosition(file: string, line: number, column: number): string {
  const entry = mapOf(file)?.findEntry(line - 1, column - 1);
  if (entry && 'originalSource' in entry)
    return `${entry.originalSource.replace(/^(\.\.\/)+/, '')}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
  return `${withoutRoot(file)}:${line}:${column}`;
}

function withoutRoot(file: string): string {
  const path = pathOf(file);
  const root = `${process.cwd()}/`;
  return path.startsWith(root) ? path.slice(root.length) : path;
}

function pathOf(file: string): string {
  try {
    return file.startsWith('file:') ? fileURLToPath(file) : file;
  } catch {
    return file;
  }
}

const maps = new Map<string, SourceMap | undefined>();

/** Returns the source map of a bundle. The source map is read at the first error, and not at every cold start. */
function mapOf(file: string): SourceMap | undefined {
  if (maps.has(file)) return maps.get(file);
  let map: SourceMap | undefined;
  try {
    const path = `${pathOf(file)}.map`;
    if (existsSync(path)) map = new SourceMap(JSON.parse(readFileSync(path, 'utf8')) as never);
  } catch {
    // Without the source map, the stack shows positions in the bundle.
  }
  maps.set(file, map);
  return map;
}
