import { existsSync, readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { fileURLToPath } from 'node:url';

import { describeError } from './errors.ts';

/** Frames of one stack that are looked at. */
const MAX_FRAMES = 20;
/** Of these, the service's own that are kept. */
const MAX_OWN_FRAMES = 5;
/** Of one frame, and of an error's message, in characters. */
const MAX_FRAME_LENGTH = 200;
const MAX_MESSAGE_LENGTH = 1_000;
/** Places whose source was looked up and is remembered. */
const MAX_KNOWN = 1_000;

/** An error as the log shows it. */
export interface LoggableError {
  readonly name: string;
  readonly message: string;
  /** With the places in the sources, not in the bundle; absent where what was thrown has none. */
  readonly stack?: string;
}

/** What was thrown, bounded, with the lines of its sources. */
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

/** The first frames in the service's own code, as `path:line:column`; none where the error comes from elsewhere. */
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
  const place = `${file}:${line}:${column}`;
  let frame = known.get(place);
  if (frame === undefined) {
    if (known.size >= MAX_KNOWN) known.clear();
    known.set(place, (frame = placeInSource(file, Number(line), Number(column))));
  }
  // The names of a bundle are made up; where the source is known without a map of ours, so is the name.
  const isMapped = mapOf(file) !== undefined;
  return [(isMapped || name === undefined ? frame : `${name} (${frame})`).slice(0, MAX_FRAME_LENGTH)];
}

const known = new Map<string, string>();

/** Where a place of a bundle stands in its source, relative to the project; other places stay as they are. */
function placeInSource(file: string, line: number, column: number): string {
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

/** The path of a frame's file; what is no good file URL stays as it is. */
function pathOf(file: string): string {
  try {
    return file.startsWith('file:') ? fileURLToPath(file) : file;
  } catch {
    return file;
  }
}

const maps = new Map<string, SourceMap | undefined>();

/**
 * The source map beside a bundle, read when the first error needs it: Node's own `--enable-source-maps` reads it at every
 * cold start.
 */
function mapOf(file: string): SourceMap | undefined {
  if (maps.has(file)) return maps.get(file);
  let map: SourceMap | undefined;
  try {
    const path = `${pathOf(file)}.map`;
    if (existsSync(path)) map = new SourceMap(JSON.parse(readFileSync(path, 'utf8')) as never);
  } catch {
    // A stack with the places of the bundle is better than none.
  }
  maps.set(file, map);
  return map;
}
