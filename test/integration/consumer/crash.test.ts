import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, expect, test } from '@jest/globals';

import { createConsumer } from '../../../lib/consumer/consumer.ts';
import { bundleScript, type BundledScript } from '../../support/bundle-script.ts';
import { anEvent, aRecord, anInvocation } from '../../support/delivery.ts';
import { scriptedConsumer } from '../../support/scripted-consumer.ts';
import { aConsumerSetup, type ConsumerSetup } from '../../support/consumer-setup.ts';

let setup: ConsumerSetup;
let script: BundledScript;
beforeAll(async () => {
  script = bundleScript('crashing-consumer.ts');
  setup = await aConsumerSetup();
});
afterAll(async () => {
  await setup?.remove();
  script?.remove();
});

/** The steps at which the process is killed while it processes a valid, a rejected and a failing message. */
const steps = ['find', 'decide', 'decide 2', 'commit', 'publish', 'publish 2', 'note'];

/**
 * Starts a process that kills itself before or after `step` while it processes a batch. Resolves with the signal or the
 * exit code.
 */
function crash(step: string, side: string, event: unknown): Promise<string | number | null> {
  const input = JSON.stringify({
    event,
    amqpUrl: setup.host.amqpUrl,
    endpoint: setup.endpoint,
    tablePrefix: setup.tablePrefix,
  });
  const child = spawn(process.execPath, [`${script.modulePath}.mjs`, step, side, input], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return new Promise((resolve, reject) =>
    child.once('error', reject).once('exit', (code, signal) => resolve(signal ?? code)),
  );
}

for (const step of steps)
  for (const beforeOrAfter of ['before', 'after'])
    test(`after the process was killed ${beforeOrAfter} the step "${step}", redelivering the batch loses no message and applies each effect once`, async () => {
      const isbn = randomUUID();
      const message = (behave: string) => aRecord({ type: 'test.scripted', body: { isbn, behave }, redelivered: true });
      const records = [message('well'), message('reject'), message('permanent')];
      expect(await crash(step, beforeOrAfter, anEvent(records))).toBe('SIGKILL');

      const report = await createConsumer(scriptedConsumer, setup.dependencies)(anEvent(records), anInvocation());
      const { completed, rejected, duplicate, 'dead-letter': deadLettered } = report.counts;
      expect(completed + rejected + duplicate + deadLettered).toBe(3);
      expect((await setup.item('loans', { isbn }))?.available).toBe(1);

      const ids = async (queue: string) =>
        new Set((await setup.host.drain(queue)).map((found) => found && found.properties.messageId));
      expect((await ids('notices')).size).toBe(1);
      expect(await ids('dead-letters')).toEqual(new Set([records[2]!.basicProperties.messageId]));
    });
