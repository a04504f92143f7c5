/** What a Lambda invocation with this much time left tells its handler. */
export function anInvocation(timeoutMs = 60_000): { getRemainingTimeInMillis(): number } {
  const end = Date.now() + timeoutMs;
  return { getRemainingTimeInMillis: () => end - Date.now() };
}
