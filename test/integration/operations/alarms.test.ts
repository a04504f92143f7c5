import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';

import type { Problem } from '../../../lib/http/problem.ts';
import { alarmStates } from '../../../lib/operations/alarms.ts';
import { createSurehop } from '../../../lib/runtime/surehop.ts';
import { anAwsNetwork, type AwsNetwork } from '../../support/aws-network.ts';

const CRITICAL = 'arn:aws:sns:eu-central-1:000000000000:critical';
const WARNING = 'arn:aws:sns:eu-central-1:000000000000:warning';
const credentials = { AWS_REGION: 'eu-central-1', AWS_ACCESS_KEY_ID: 'key', AWS_SECRET_ACCESS_KEY: 'hush-hush' };

let aws: AwsNetwork;
let nowMs = Date.parse('2026-11-22T12:00:00.000Z');

beforeAll(async () => {
  aws = await anAwsNetwork();
});

beforeEach(() => void aws.alarms.splice(0));

afterAll(() => aws.stop());

const inStage = (settings: Record<string, string>) => {
  const environment = { ...credentials, ...settings, AWS_ENDPOINT_URL_MONITORING: aws.url };
  return alarmStates(createSurehop({ environment, clock: { now: () => nowMs } }));
};
const deployed = () => inStage({ STAGE: 'dev', CRITICAL_TOPIC_ARN: CRITICAL, WARNING_TOPIC_ARN: WARNING });

test('GET /alarms returns all alarms that notify an SNS topic of the stage, raised alarms first, even if CloudWatch returns the alarms in several pages', async () => {
  const alarm = (name: string, state: 'OK' | 'ALARM' | 'INSUFFICIENT_DATA', topic: string) => ({ name, state, topic });
  aws.alarms.push(
    alarm('surehop-dev-broker-cpu', 'OK', WARNING),
    alarm('surehop-dev-broker-disk', 'OK', CRITICAL),
    alarm('surehop-dev-queue-loans-deep', 'ALARM', WARNING),
    alarm('surehop-dev-queues-unread', 'ALARM', CRITICAL),
    alarm('surehop-dev-broker-silent', 'INSUFFICIENT_DATA', CRITICAL),
    alarm('surehop-dev-eu-queues-unread', 'ALARM', 'arn:aws:sns:eu-central-1:000000000000:of-another-stage'),
  );
  const { body } = (await deployed()()) as { body: { alarms: { name: string; severity: string; state: string }[] } };
  expect(body.alarms.map(({ name, severity, state }) => [name, severity, state])).toEqual([
    ['queues-unread', 'critical', 'alarm'],
    ['queue-loans-deep', 'warning', 'alarm'],
    ['broker-silent', 'critical', 'unknown'],
    ['broker-disk', 'critical', 'ok'],
    ['broker-cpu', 'warning', 'ok'],
  ]);
  expect(body.alarms[0]).toEqual({
    name: 'queues-unread',
    severity: 'critical',
    state: 'alarm',
    since: '2026-11-22T12:00:00.250Z',
    description: 'What surehop-dev-queues-unread means.',
    reason: 'Threshold Crossed',
  });
});

test('the states of the alarms are cached for 15 seconds', async () => {
  const ask = deployed();
  const count = () => aws.calls.length;
  const before = count();
  await Promise.all([ask(), ask()]);
  await ask();
  expect(count() - before).toBe(2);
  nowMs += 15_000;
  await ask();
  expect(count() - before).toBe(4);
});

test('if CloudWatch denies the request, GET /alarms responds with the problem alarms-unavailable, and the response contains no secret', async () => {
  aws.failNext(2, 403, 'AccessDenied');
  const problem = (await deployed()().catch((error: unknown) => error)) as Problem;
  expect(problem.problem).toBe('alarms-unavailable');
  expect(String(problem.cause)).toContain('AccessDenied');
  expect(JSON.stringify([problem, String(problem.cause)])).not.toContain('hush-hush');
});

test('in the stage local, which has no CloudWatch, GET /alarms says that no alarms are available', async () => {
  const before = aws.calls.length;
  expect(await inStage({})()).toMatchObject({ status: 200, body: { available: false, reason: expect.any(String) } });
  expect(aws.calls).toHaveLength(before);
});

test('in a deployed stage, the function of GET /alarms does not start if the settings with the ARNs of the SNS topics for alarms are missing', () => {
  expect(() => inStage({ STAGE: 'dev' })).toThrow(/set CRITICAL_TOPIC_ARN and WARNING_TOPIC_ARN/);
});
