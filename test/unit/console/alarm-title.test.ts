import { expect, test } from '@jest/globals';
import { localAlarms } from '../../../infra/dev/metrics/local-alarms.ts';

import { alarmTitle } from '../../../infra/console/alarm-title.ts';
import { texts } from '../../../infra/console/texts.ts';

test("every alarm of the toolkit has a title in both languages, and an alarm of the service's own has none", () => {
  const { infrastructure, application, business } = localAlarms();
  for (const { alarmTitles } of Object.values(texts)) {
    for (const { name } of [...infrastructure, ...application]) {
      expect([name, alarmTitle(name, alarmTitles)]).toEqual([name, expect.stringMatching(/\S/)]);
    }
    for (const { name } of business) expect([name, alarmTitle(name, alarmTitles)]).toEqual([name, undefined]);
  }
});

test.each([
  ['queue-loans-dead-letters', 'Many messages of the queue loans failed'],
  ['queue-dead-letters-full', 'The queue dead-letters is nearly full'],
  ['queue-eu.orders-slow', 'The messages of the queue eu.orders take long'],
  ['place-order-mean-duration', 'The function place-order is slow'],
  ['toString', undefined],
])('the title of the alarm %s is %j', (name, title) => {
  expect(alarmTitle(name, texts.en.alarmTitles)).toBe(title);
});
