import { afterEach, beforeEach, expect, test } from '@jest/globals';

import { waitForFunctionInterfaces, removeEventSource } from '../../../lib/aws/removal.ts';
import { eventually } from '../../support/eventually.ts';
import { anAwsNetwork, type AwsNetwork } from '../../support/aws-network.ts';

const access = { region: 'eu-central-1', credentials: { accessKeyId: 'local', secretAccessKey: 'local' } };
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

test('an event source is deleted, and waited for until its own network interfaces are gone', async () => {
  aws.addMapping('one', 'sg-broker');
  aws.addMapping('other', 'sg-broker');
  await removeEventSource(access, 'one', waiting());
  expect(new Set(ids().flat().filter(Boolean))).toEqual(new Set(['other']));
  expect(asked()).toContain('lambda:DeleteEventSourceMapping event-source-mapping:one');
  expect(asked()).not.toContain('lambda:DeleteEventSourceMapping event-source-mapping:other');
});

test('an event source that is gone already is done, so that a removal can be repeated, and is not deleted, which AWS may refuse', async () => {
  await removeEventSource(access, 'gone', waiting());
  expect(asked()).toEqual([
    'lambda:GetEventSourceMapping event-source-mapping:gone',
    'ec2:DescribeNetworkInterfaces *',
  ]);
});

test('an event source that an earlier invocation deletes is waited for by the next', async () => {
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

test('functions are waited for until no network interface is left in their security group', async () => {
  aws.addFunctions('surehop-dev-status', 'sg-functions');
  aws.addFunctions('another-service', 'sg-of-others');
  aws.deleteFunctions('surehop-dev-status');
  await waitForFunctionInterfaces(access, 'sg-functions', waiting());
  expect(aws.interfaces.map(({ group }) => group)).toEqual(['sg-of-others', 'sg-of-others']);
});

test('an answer that does not come, or an error of AWS, is no end of the wait', async () => {
  aws.addMapping('one', 'sg-broker');
  aws.failNext(1, 429, 'TooManyRequestsException');
  await removeEventSource(access, 'one', waiting());
  expect(aws.interfaces).toEqual([]);
  aws.failNext(2, 503, 'RequestLimitExceeded');
  await waitForFunctionInterfaces(access, 'sg-functions', waiting());
});

test('a permission that is missing ends it at once, with its name', async () => {
  aws.failNext(1, 403, 'UnauthorizedOperation');
  await expect(waitForFunctionInterfaces(access, 'sg-functions', waiting())).rejects.toThrow(
    /answered UnauthorizedOperation/,
  );
});

test('without the role the interfaces stay, and the wait ends with the time', async () => {
  aws.addMapping('one', 'sg-broker');
  aws.deleteRole();
  const removal = removeEventSource(access, 'one', waiting());
  setTimeout(() => abort.abort(new Error('time is up')), 300);
  await expect(removal).rejects.toThrow('time is up');
  expect(aws.interfaces).toHaveLength(2);
});
