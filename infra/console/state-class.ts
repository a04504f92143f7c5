const GOOD = new Set(['completed', 'fulfilled', 'accepted', 'published']);
const BAD = new Set(['dead-lettered', 'dead-letter', 'failed', 'unreadable']);
const WARN = new Set([
  'retrying',
  'retry',
  'postponed',
  'unfinished',
  'rejected',
  'discarded',
  'superseded',
  'processing',
  'redriven',
]);

/** Returns the CSS class for the state of a message, or for a step of a timeline. */
export function stateClass(state: string): string {
  if (GOOD.has(state)) return 'good';
  if (BAD.has(state)) return 'bad';
  return WARN.has(state) ? 'warn' : '';
}
