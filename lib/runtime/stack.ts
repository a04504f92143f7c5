import { existsSync, readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { fileURLToPath } from 'node:url';

import { describeError } from './errors.ts';

/** How many frames of a stack are read. */
const MAX_FRAMES = 20;
/** How many of the service's own frames are kept. */
const MAX_OWN_FRAMES = 5;
/** Lengths in characters. */
const MAX_FRAME_LENGTH = 200;
const MAX_MESSAGE_LENGTH = 1_000;
/** How many source positions are cached. */
const MAX_CACHED = 1_000;

/** An error as it is logged. */
export interface LoggableError {
  readonly name: string;
  readonly message: string;
  /** With positions in the source files instead of the bundle; absent if the thrown value has no stack. */
  readonly stack?: string;
}

/** The thrown value for the log, with limited lengths and with positions in the source files. */
export function toLoggable(thrown: unknown): LoggableError {
  const message = describeError(thrown).message.slice(0, MAX_MESSAGE_LENGTH);
  if (!(thrown instanceof Error)) return { name: typeof thrown, message };
  const { name } = thrown as { name?: unknown };
  const frames = framesOf(thrown);
  return {
    name: typeof name === 'string' ? name.slice(0, MAX_FRAME_LENGTH) : 'Error',
    message,
    stack: frames.length > 0 ? frames.join('\n') : undefined,
  };
}

/** The innermost frames in the service's own code, as `path:line:column`; empty if the stack has none. */
export function ownFramesOf(thrown: unknown): readonly string[] {
  if (!(thrown instanceof Error)) return [];
  const own = framesOf(thrown)
    .filter((frame) => !isForeign(frame))
    .slice(0, MAX_OWN_FRAMES);
  return own.length > 0 ? own : ownFramesOf(thrown.cause);
}

/** Whether a frame is in a dependency, in Node itself, or in the toolkit's own steps around a rule. */
const isForeign = (frame: string) =>
  /(^|[/(])node_modules\/|\bnode:|(^|[/ (])lib\/(consumer|crash-loop|dead-letters|dynamodb|http|inbox|ordering|rabbitmq|runtime)\//.test(
    frame,
  );

function framesOf({ stack }: Error): string[] {
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
  // The minifier renames functions, so a bundle's frame is shown without its function name.
  const isMapped = mapOf(file) !== undefined;
  return [(isMapped || name === undefined ? frame : `${name} (${frame})`).slice(0, MAX_FRAME_LENGTH)];
}

const cached = new Map<string, string>();

/** The position in the source file, relative to the project, of a position in a bundle; others only lose the project path. */
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

/** The path of a frame's file; an invalid file URL is returned unchanged. */
function pathOf(file: string): string {
  try {
    return file.startsWith('file:') ? fileURLToPath(file) : file;
  } catch {
    return file;
  }
}

const maps = new Map<string, SourceMap | undefined>();

/**
 * The source map next to a bundle. It is read at the first error: with `--enable-source-maps`, Node would read it at every cold
 * start.
 */
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
