import { readFileSync } from 'node:fs';

import { expect, test } from '@jest/globals';

import { alertOf } from '../../infra/dev/metrics/alerts.ts';
import { generatedFiles } from '../../infra/dev/metrics/generated.ts';
import { localAlarms } from '../../infra/dev/metrics/local-alarms.ts';

test('the tables of docs/observability.md and the Prometheus alerts match the metrics and alarms (update them with npm run metrics)', async () => {
  for (const [path, text] of Object.entries(await generatedFiles()))
    expect([path, readFileSync(path, 'utf8')]).toEqual([path, text]);
});

test('every Prometheus alert has a severity, and every runbook link of an alert leads to an existing chapter', () => {
  const chapters = readFileSync('docs/runbook.md', 'utf8').match(/^## .+$/gm)!;
  const anchors = chapters.map(
    (line) =>
      `docs/runbook.md#${line
        .slice(3)
        .toLowerCase()
        .replaceAll(/[^\w -]/g, '')
        .replaceAll(' ', '-')}`,
  );
  for (const alarm of Object.values(localAlarms()).flat()) {
    const { labels, annotations } = alertOf(alarm) ?? {};
    if (!labels) continue;
    expect([alarm.name, labels.severity]).toEqual([alarm.name, alarm.severity]);
    expect(['critical', 'warning']).toContain(labels.severity);
    if (annotations?.runbook_url) expect(anchors).toContain(annotations.runbook_url);
    else expect(alarm.description).not.toContain('Runbook');
  }
});
