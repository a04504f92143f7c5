import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

import { afterAll, beforeAll, expect, test } from '@jest/globals';

import { deadLetterCopy } from '../../../lib/events/copies.ts';
import type { MessageId } from '../../../lib/events/message-id.ts';
import { aBackend, type Backend } from '../../support/backend.ts';
import { anEvent, aRecord } from '../../support/delivery.ts';
import { eventually } from '../../support/eventually.ts';
import { useExampleTopology } from '../../support/example/use-example.ts';
import { aGuide } from '../../support/guide.ts';
import { serve, type Served } from '../../support/serve.ts';

const guide = aGuide('operate.md');
const MESSAGE_ID = randomUUID();

let backend: Backend;
let service: Served;
let archive: (typeof import('../../../functions/dead-letters/archive.ts'))['handler'];

beforeAll(async () => {
  useExampleTopology();
  backend = await aBackend();
  await backend.declare();
  ({ handler: archive } = await import('../../../functions/dead-letters/archive.ts'));
  const deadLetters = '../../../functions/dead-letters';
  service = await serve({
    'GET /status': (await import('../../../functions/operations/status.ts')).handler,
    'GET /alarms': (await import('../../../functions/operations/alarms.ts')).handler,
    'GET /messages/{id}': (await import('../../../functions/operations/message.ts')).handler,
    'GET /dead-letters': (await import(`${deadLetters}/list.ts`)).handler,
    'POST /dead-letters/redrive': (await import(`${deadLetters}/redrive-many.ts`)).handler,
    'GET /dead-letters/groups': (await import(`${deadLetters}/groups.ts`)).handler,
    'POST /dead-letters/jobs': (await import(`${deadLetters}/start-job.ts`)).handler,
    'POST /dead-letters/jobs/{id}': (await import(`${deadLetters}/change-job.ts`)).handler,
    'GET /dead-letters/{id}': (await import(`${deadLetters}/get.ts`)).handler,
    'POST /dead-letters/{id}/redrive': (await import(`${deadLetters}/redrive.ts`)).handler,
    'POST /dead-letters/{id}/edit': (await import(`${deadLetters}/edit.ts`)).handler,
    'DELETE /dead-letters/{id}': (await import(`${deadLetters}/discard.ts`)).handler,
  });
});

afterAll(async () => {
  await service?.stop();
  await backend?.remove();
  guide.remove();
});

async function archived(messageId: string = randomUUID()): Promise<string> {
  const id = randomUUID() as MessageId;
  const at = new Date().toISOString();
  const note = { id, code: 'ATTEMPTS_EXHAUSTED', reason: 'no answer', queue: 'loans', at };
  const headers = { 'surehop-published-at': at };
  const { body, properties } = deadLetterCopy({ body: Buffer.from('{}'), properties: { headers } }, 'x', note);
  await archive(anEvent([aRecord({ id: messageId, raw: body, headers: properties.headers })], 'dead-letters'));
  return id;
}

/** Runs a command from the guide in a shell, and returns the JSON response of the service. */
async function run(command: string, id: string, job = ''): Promise<any> {
  const token = await backend.issuer.token();
  const env = { ...process.env, url: service.url, token, id, job, message: MESSAGE_ID };
  const { stdout } = await promisify(execFile)('sh', ['-euc', command], { env });
  return JSON.parse(stdout);
}

test('the fourteen commands in docs/guides/operate.md do what the guide says', async () => {
  const commands = guide.blocks('sh');
  expect(commands).toHaveLength(14);
  const [status, alarms, message, groups, list, get, redrive, redriveMany, ...last] = commands;
  const [dryRun, startJob, continueJob, check, edit, discard] = last;
  const [first, second, third] = [await archived(MESSAGE_ID), await archived(), await archived()];

  // The broker reports the number of messages in a queue with a delay.
  const counted = await eventually('the figures of the queues', async () => {
    const answer = await run(status!, first);
    return answer.queues?.[0].ready !== null && answer;
  });
  expect(counted.queues).toMatchObject([{ name: 'loans', deadLettered: 3 }, { name: 'notices' }]);

  expect(await run(alarms!, first)).toMatchObject({ available: false });
  expect(await run(message!, first)).toMatchObject({
    messages: [{ messageId: MESSAGE_ID, consumers: [{ queue: 'loans', state: 'dead-lettered' }] }],
    steps: [{ step: 'published' }, { step: 'dead-lettered', deadLetterId: first }],
  });

  expect((await run(groups!, first)).groups).toMatchObject([{ queue: 'loans', code: 'ATTEMPTS_EXHAUSTED', count: 3 }]);
  const { deadLetters } = await run(list!, first);
  expect(deadLetters.map(({ id }: { id: string }) => id).toSorted()).toEqual([first, second, third].toSorted());
  expect(await run(get!, first)).toMatchObject({ id: first, code: 'ATTEMPTS_EXHAUSTED', body: { text: '{}' } });
  expect(await run(redrive!, first)).toMatchObject({ id: first, status: 'redriven', queue: 'loans' });
  expect(await run(discard!, second)).toMatchObject({ id: second, status: 'discarded' });
  expect(await run(redriveMany!, third)).toMatchObject({ redriven: 1, skipped: [], failed: [], more: false });
  expect(await run(get!, third)).toMatchObject({ status: 'redriven', history: [{ action: 'redriven' }] });
  const fourth = await archived();
  expect(await run(dryRun!, fourth)).toEqual({ dryRun: true, count: 1, skipped: [] });
  const job = await run(startJob!, fourth);
  expect(job).toMatchObject({ status: 'running', order: { action: 'redrive' } });
  expect(await run(continueJob!, fourth, job.id)).toMatchObject({ status: 'done', progress: { done: 1 } });
  expect(await backend.host.drain('loans')).toHaveLength(3);
  const fifth = await archived();
  expect(await run(check!, fifth)).toMatchObject({ dryRun: true, isValid: true, faults: [] });
  expect(await run(edit!, fifth)).toMatchObject({ id: fifth, status: 'superseded', isPublished: true });
  const [edited] = await backend.host.drain('loans');
  expect(edited && edited.content.toString()).toBe('{"loan":1}');
});

const pages = ['operate', 'retries-and-dead-letters', 'order-per-key', 'troubleshooting'];

test.each(pages)('every link of docs/guides/%s.md leads to an existing file and heading', (page) => {
  const file = `docs/guides/${page}.md`;
  const links = [...readFileSync(file, 'utf8').matchAll(/\]\(([^)]+\.md)(?:#([^)]+))?\)/g)];
  expect(links.length).toBeGreaterThan(0);
  for (const [, target, anchor] of links) {
    const path = join(dirname(file), target!);
    expect([path, existsSync(path)]).toEqual([path, true]);
    if (!anchor) continue;
    const headings = [...readFileSync(path, 'utf8').matchAll(/^#+ (.+)$/gm)].map(([, heading]) => heading!);
    const anchors = headings.map((heading) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\w -]/g, '')
        .replaceAll(' ', '-'),
    );
    expect([path, anchors]).toEqual([path, expect.arrayContaining([anchor])]);
  }
});
