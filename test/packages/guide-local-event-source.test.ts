import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';

import { localDirectory } from '../../infra/dev/runtime/directories.ts';
import { freePorts } from '../../infra/dev/runtime/ports.ts';
import { aVirtualHost, type VirtualHost } from '../support/broker.ts';
import { eventually } from '../support/eventually.ts';
import { aGuide } from '../support/guide.ts';
import { writeExamples } from '../support/user-project.ts';

// Serverless starts slowly on a busy machine.
const SLOW_MS = 200_000;
jest.setTimeout(2 * SLOW_MS);

const guide = aGuide('local-event-source.md');
const [createQueue, start, publishOrder, publishInvalid] = guide.blocks('sh');
const [readsQueue, shipped, hasNoAddress] = guide.blocks('text');
let host: VirtualHost;
let directory: string;

beforeAll(async () => {
  host = await aVirtualHost();
  // Packages are found only from a directory in the repository.
  mkdirSync(localDirectory, { recursive: true });
  directory = mkdtempSync(join(localDirectory, 'guide-'));
});
afterAll(async () => {
  await host?.remove();
  rmSync(directory, { recursive: true, force: true });
  guide.remove();
});

const here = (text: string) =>
  text
    .replaceAll('amqp://guest:guest@127.0.0.1:5672', host.amqpUrl)
    .replaceAll('http://127.0.0.1:15672', new URL(process.env['MANAGEMENT_URL']!).origin)
    .replaceAll('%2F', host.name)
    .replaceAll('"/" at 127.0.0.1:5672', `"${host.name}" at ${new URL(host.amqpUrl).host}`)
    .trim();

const shell = (command: string) => promisify(execFile)('sh', ['-euc', here(command)], { cwd: directory });

/**
 * Starts the event source with the command in docs/guides/local-event-source.md, calls `use`, and then stops the event
 * source.
 */
async function whileRunning(use: (lines: readonly string[]) => Promise<unknown>): Promise<void> {
  const [httpPort, lambdaPort, websocketPort] = await freePorts(3);
  const ports = `--httpPort ${httpPort} --lambdaPort ${lambdaPort} --websocketPort ${websocketPort}`;
  const child: ChildProcess = spawn('sh', ['-euc', `${here(start!)} ${ports}`], {
    cwd: directory,
    env: { ...process.env, SLS_TELEMETRY_DISABLED: '1', NODE_OPTIONS: '' },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  const lines: string[] = [];
  for (const stream of [child.stdout!, child.stderr!])
    createInterface({ input: stream }).on('line', (line) => void lines.push(line));
  try {
    await use(lines);
  } catch (error) {
    const lastLines = lines.slice(-40).join('\n');
    throw new Error(
      `the example of docs/guides/local-event-source.md failed: ${(error as Error).message}\n${lastLines}`,
      { cause: error },
    );
  } finally {
    process.kill(-child.pid!, 'SIGINT');
    await ended;
  }
}

const appears = (lines: readonly string[], text: string) =>
  eventually(text, () => lines.some((line) => line.includes(text)), SLOW_MS);

describe('the guide to the local event source', () => {
  test('the function in the guide about the local event source processes an order, and a batch with an invalid order is delivered again', async () => {
    expect(writeExamples('docs/guides/local-event-source.md', directory)).toEqual(['ship.mjs', 'serverless.yml']);
    await shell(createQueue!);
    await whileRunning(async (lines) => {
      await appears(lines, here(readsQueue!));
      expect(JSON.parse((await shell(publishOrder!)).stdout)).toEqual({ routed: true });
      await appears(lines, shipped!.trim());
      expect(JSON.parse((await shell(publishInvalid!)).stdout)).toEqual({ routed: true });
      await eventually(
        'two invocations with the invalid order',
        () => lines.filter((line) => line.includes(hasNoAddress!.trim())).length >= 2,
        SLOW_MS,
      );
    });
  });

  test('with the concurrency setting from the guide about the local event source, two execution environments consume the queue', async () => {
    const option = guide.blocks('yaml').at(-1)!;
    expect(option).toMatch(/^custom:\n/);
    appendFileSync(join(directory, 'serverless.yml'), option);
    await whileRunning((lines) => appears(lines, 'batching window 1 s, 2 concurrent environments).'));
  });
});
