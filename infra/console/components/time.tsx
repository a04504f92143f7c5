import { useConsole } from '../context.ts';

/** Shows how long ago a time is. The exact time is in the tooltip. */
export function Ago({ at }: { readonly at: string }) {
  const { format, nowMs } = useConsole();
  return (
    <time dateTime={at} title={format.time(at)}>
      {format.ago(at, nowMs)}
    </time>
  );
}

/** Shows a date and time, and how long ago it is. */
export function Time({ at }: { readonly at: string }) {
  const { format, nowMs } = useConsole();
  return (
    <time dateTime={at} title={at}>
      {format.time(at)} <small>({format.ago(at, nowMs)})</small>
    </time>
  );
}
