import type { Texts } from './texts.ts';

type Titles = Texts['alarmTitles'];

/** Returns what an alarm means, or `undefined` if the service itself has defined the alarm. */
export function alarmTitle(name: string, titles: Titles): string | undefined {
  const [, queue = '', ofQueue] = /^queue-(.+)-(without-consumer|full|deep|slow|dead-letters?)$/.exec(name) ?? [];
  if (ofQueue !== undefined) return titles[`queue-${ofQueue}` as 'queue-full'](queue);
  const [, subject = '', ofFunction] = /^(.+)-(errors|throttles|mean-duration)$/.exec(name) ?? [];
  if (ofFunction !== undefined) return titles[ofFunction as 'errors'](subject);
  return Object.hasOwn(titles, name) ? titles[name as 'queues-unread']() : undefined;
}
