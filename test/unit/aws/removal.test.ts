import { afterEach, beforeEach, expect, test } from '@jest/globals';

import { waitForFunctionInterfaces, removeEventSource } from '../../../lib/aws/removal.ts';
import { eventually } from '../../support/eventually.ts';
import { anAwsNetwork, type AwsNetwork } from '../../support/aws-network.ts';

const access = {
  region: 'eu-central-1',
  credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  environment: process.env,
};
const ENDPOINTS = ['AWS_ENDPOINT_URL_EC2', 'AWS_ENDPOINT_URL_LAMBDA'];

let aws: AwsNetwork;
let abort: AbortController;
const waiting = () => ({ signal: abort.signal, pauseMs: 1 });

beforeEach(async () => {
  aws = await anAwsNetwork();
  abort = new AbortController();
  for (const name of ENDPOINTS) process.env[name] = aws.url;
});
afterEach(async () => {
  for (const name of ENDPOINTS) delete process.env[name];
  await aws.stop();
});

const asked = () => aws.calls.map(({ action, resource }) => `${action} ${resource}`);
const ids = () =>
  aws.interfaces.map(({ description }) => /armq-\d+-(\w+)|ENI-(surehop-\w+)/.exec(description)!.slice(1));

test('removing an event source deletes its mapping and waits until AWS has deleted the network interfaces of the mapping', async () => {
  aws.addMapping('one', 'sg-broker');
  aws.addMapping('other', 'sg-broker');
  await removeEventSource(access, 'one', waiting());
  expect(new Set(ids().flat().filter(Boolean))).toEqual(new Set(['other']));
  expect(asked()).toContain('lambda:DeleteEventSourceMapping event-source-mapping:one');
  expect(asked()).not.toContain('lambda:DeleteEventSourceMapping event-source-mapping:other');
});

test('removing an event source that no longer exists succeeds without a delete request', async () => {
  await removeEventSource(access, 'gone', waiting());
  expect(asked()).toEqual([
    'lambda:GetEventSourceMapping event-source-mapping:gone',
    'ec2:DescribeNetworkInterfaces *',
  ]);
});

test('if an earlier invocation has already requested the deletion of an event source mapping, removing the event source only waits until the mapping is deleted', async () => {
  aws.addMapping('one', 'sg-broker');
  const first = new AbortController();
  const cut = removeEventSource(access, 'one', { signal: first.signal, pauseMs: 60_000 });
  await eventually('the deletion', () =>
    Promise.resolve(asked().some((one) => one.startsWith('lambda:Delete')) || undefined),
  );
  first.abort(new Error('time is up'));
  await expect(cut).rejects.toThrow('time is up');
  await removeEventSource(access, 'one', waiting());
  expect(aws.interfaces).toEqual([]);
  expect(asked().filter((one) => one.startsWith('lambda:Delete'))).toHaveLength(1);
});

test('the removal of a stage waits until AWS has deleted all network interfaces in the security group of the functions', async () => {
  aws.addFunctions('surehop-dev-status', 'sg-functions');
  aws.addFunctions('another-service', 'sg-of-others');
  aws.deleteFunctions('surehop-dev-status');
  await waitForFunctionInterfaces(access, 'sg-functions', waiting());
  expect(aws.interfaces.map(({ group }) => group)).toEqual(['sg-of-others', 'sg-of-others']);
});

test('the removal of a stage keeps waiting after AWS has throttled a request or answered with a server error', async () => {
  aws.addMapping('one', 'sg-broker');
  aws.failNext(1, 429, 'TooManyRequestsException');
  await removeEventSource(access, 'one', waiting());
  expect(aws.interfaces).toEqual([]);
  aws.failNext(2, 503, 'RequestLimitExceeded');
  await waitForFunctionInterfaces(access, 'sg-functions', waiting());
});

test('the removal of a stage fails immediately with the error code of AWS if a permission is missing', async () => {
  aws.failNext(1, 403, 'UnauthorizedOperation');
  await expect(waitForFunctionInterfaces(access, 'sg-functions', waiting())).rejects.toThrow(
    /answered UnauthorizedOperation/,
  );
});

test('if the IAM role of a function is missing, AWS does not delete the network interfaces of the event source of the function, and removing the event source fails at the timeout', async () => {
  aws.addMapping('one', 'sg-broker');
  aws.deleteRole();
  const removal = removeEventSource(access, 'one', waiting());
  setTimeout(() => abort.abort(new Error('time is up')), 300);
  await expect(removal).rejects.toThrow('time is up');
  expect(aws.interfaces).toHaveLength(2);
});
