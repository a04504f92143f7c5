const SAME_SIGNAL_MS = 300;

/**
 * Calls `begin` at the first request to end (a signal, or the end of the process that started us) and `force` at the
 * second. A terminal and npm each deliver the same Ctrl-C: what follows at once is not a second one.
 */
export function onShutdown({ begin, force }: { begin: () => void; force: () => void }): void {
  let firstAt: number | undefined;
  const request = () => {
    const now = performance.now();
    if (firstAt === undefined) {
      firstAt = now;
      begin();
    } else if (now - firstAt > SAME_SIGNAL_MS) {
      force();
    }
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, request);
  if (process.connected) process.once('disconnect', request);
  // A reader that went away (`npm start | head`) is a request to end, not a crash.
  process.stdout.on('error', request);
  process.stderr.on('error', request);
}
