import type { BuildFailure } from 'esbuild';

/** Formats the errors of an esbuild run, one per line, as `file:line:column: message`. */
export function describeBuildError(error: unknown): string {
  const { errors } = error as Partial<BuildFailure>;
  if (!errors?.length) return (error as Error).message;
  return errors
    .map(({ location, text }) =>
      location ? `${location.file}:${location.line}:${location.column + 1}: ${text}` : text,
    )
    .join('\n');
}
