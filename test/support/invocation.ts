/** The part of a Lambda context that tells a handler how much time is left. */
export function anInvocation(timeoutMs = 60_000): { getRemainingTimeInMillis(): number } {
  const end = Date.now() + timeoutMs;
  return { getRemainingTimeInMillis: () => end - Date.now() };
}
