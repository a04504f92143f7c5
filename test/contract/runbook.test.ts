import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { beforeAll, describe, expect, test } from '@jest/globals';

import { rootDirectory } from '../../infra/dev/runtime/directories.ts';
import { stageTemplates } from '../support/in-a-process.ts';
import { ofType, properties, text } from '../support/templates.ts';

const chapters = new Map(
  readFileSync(join(rootDirectory, 'docs/runbook.md'), 'utf8')
    .split(/^## /m)
    .slice(1)
    .map((chapter) => {
      const end = chapter.indexOf('\n');
      return [chapter.slice(0, end).trim().toLowerCase(), chapter.slice(end)] as const;
    }),
);

const alarmsNamedIn = (chapter: string): RegExp[] =>
  [...chapter.matchAll(/`([\w<>*-]+)`/g)].map(
    ([, name]) => new RegExp(`^${name!.replaceAll(/<[\w-]+>|\*/g, '[a-z0-9-]+')}$`),
  );

let alarms: { readonly name: string; readonly description: string }[];

beforeAll(async () => {
  const templates = await stageTemplates();
  alarms = Object.values(templates).flatMap(({ broker, functions }) =>
    [broker, functions].flatMap((template) =>
      ofType(template, 'AWS::CloudWatch::Alarm').map(([, resource]) => ({
        name: (/\$\{AWS::StackName\}-([a-z0-9-]+)/.exec(text(properties(resource)['AlarmName'])) ?? [])[1]!,
        description: String(properties(resource)['AlarmDescription']),
      })),
    ),
  );
}, 180_000);

describe('the runbook', () => {
  test('the description of every alarm ends with a reference to a chapter of the runbook, and this chapter names the alarm', () => {
    expect(alarms.length).toBeGreaterThan(50);
    const faults = alarms.flatMap(({ name, description }) => {
      const title = /Runbook: ([^.]+)\.$/.exec(description)?.[1];
      const chapter = chapters.get(title ?? '');
      if (title === undefined) return [`the description of ${name} names no chapter`];
      if (chapter === undefined) return [`the chapter "${title}", which ${name} names, does not exist`];
      return alarmsNamedIn(chapter).some((pattern) => pattern.test(name))
        ? []
        : [`the chapter "${title}" does not name the alarm ${name}`];
    });
    expect([...new Set(faults)]).toEqual([]);
  });
});
