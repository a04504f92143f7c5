import { createHash, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import type { Value } from '../../infra/aws/template.ts';
import { brokerRoles, queues } from '../../infra/topology.ts';
import { deadLetterCopy } from '../../lib/events/copies.ts';
import type { CustomResourceEvent } from '../../lib/aws/custom-resource.ts';
import type { MessageId } from '../../lib/events/message-id.ts';
import { aDeployment, type Deployment } from '../support/deployment.ts';
import { eventually } from '../support/eventually.ts';
import { aRequest } from '../support/request.ts';
import { rolesOf } from '../support/deployed-logins.ts';
import { properties, type Statement, resolveValue, walk } from '../support/templates.ts';

let deployed: Deployment;

beforeAll(async () => {
  deployed = await aDeployment('dev');
}, 300_000);

afterAll(async () => {
  await deployed?.host.manage('DELETE', 'users/monitor-b').catch(() => {});
  await deployed?.remove();
});

const order = { customerId: 'ada', currency: 'EUR', items: [{ sku: 'apple', quantity: 2, unitPrice: 150 }] };

/**
 * Invokes the packaged function that applies the topology, with the event that CloudFormation sends when it creates the
 * custom resource.
 */
async function applyTopology(): Promise<void> {
  const custom = properties(deployed.template.Resources['BrokerTopology']);
  const event: CustomResourceEvent = {
    RequestType: 'Create',
    ResponseURL: deployed.answersUrl,
    StackId: 'arn:aws:cloudformation:eu-central-1:000000000000:stack/surehop-dev/1',
    RequestId: '1',
    LogicalResourceId: 'BrokerTopology',
    ResourceProperties: {
      ...(resolveValue(
        Object.fromEntries(Object.entries(custom).filter(([name]) => !['ServiceToken', 'Code'].includes(name))),
        deployed,
      ) as Record<string, unknown>),
      // Users belong to the whole broker, which other tests use at the same time.
      Roles: JSON.stringify(rolesOf(deployed.host, brokerRoles)),
    },
  };
  await (await deployed.lambda('apply-topology')).invoke(event);
}

test('the packaged topology function creates exchanges, queues and users, and reports success to CloudFormation', async () => {
  await applyTopology();
  expect(deployed.answers).toMatchObject([{ Status: 'SUCCESS', LogicalResourceId: 'BrokerTopology' }]);
  expect(await deployed.host.channel.checkQueue(queues.stock.name)).toMatchObject({ messageCount: 0 });
});

test('the packaged functions accept an order, fulfill the order and return the status of the order', async () => {
  expect(
    (
      await deployed.operate('put-stock', {
        route: 'PUT /stock/{sku}',
        path: { sku: 'apple' },
        body: { available: 10 },
      })
    ).status,
  ).toBe(200);
  const placed = await deployed.placeOrder('order-one', order);
  expect([placed.status, placed.body]).toEqual([202, { orderId: expect.any(String), status: 'accepted' }]);
  expect(await deployed.deliver('reserve-stock', 'stock')).toMatchObject({ counts: { completed: 1 } });
  expect(await deployed.deliver('award-points', 'points')).toMatchObject({ counts: { completed: 1 } });
  const found = await deployed.request('get-order', { route: 'GET /orders/{id}', path: { id: placed.body.orderId } });
  expect(found.body).toMatchObject({ status: 'fulfilled' });
  expect(
    (await deployed.request('get-stock', { route: 'GET /stock/{sku}', path: { sku: 'apple' } })).body,
  ).toMatchObject({
    available: 8,
  });
  expect(
    (await deployed.request('get-points', { route: 'GET /customers/{id}/points', path: { id: 'ada' } })).body,
  ).toMatchObject({ points: 3 });
});

test('the packaged functions return the timeline of an order and of its message, and the states of the alarms', async () => {
  const placed = await deployed.placeOrder('order-with-timeline', order);
  await deployed.deliver('reserve-stock', 'stock');
  await deployed.deliver('award-points', 'points');
  const path = { id: placed.body.orderId };
  const ofOrder = await deployed.operate('get-order-timeline', { route: 'GET /orders/{id}/timeline', path });
  expect(ofOrder.body).toMatchObject({ status: 'fulfilled', award: { state: 'awarded', points: 3 } });
  const ofMessage = await deployed.operate('get-message', { route: 'GET /messages/{id}', path });
  expect(ofMessage.body.messages).toMatchObject([{ messageId: placed.body.orderId, type: 'order.created' }]);
  const alarms = await deployed.operate('list-alarms', { route: 'GET /alarms' });
  expect([alarms.status, alarms.body]).toEqual([200, { available: true, alarms: [] }]);
});

test('the packaged functions reject an order for a sold-out item and take back the loyalty points of the order', async () => {
  const many = { ...order, items: [{ ...order.items[0], quantity: 1_000 }] };
  const placed = await deployed.placeOrder('order-two', many);
  expect(await deployed.deliver('reserve-stock', 'stock')).toMatchObject({ counts: { rejected: 1 } });
  await deployed.deliver('award-points', 'points');
  const found = await deployed.request('get-order', { route: 'GET /orders/{id}', path: { id: placed.body.orderId } });
  expect(found.body).toMatchObject({ status: 'rejected' });
});

test('if no queue is bound for an event that a packaged consumer publishes, the consumer postpones the message, and publishes the event once a queue is bound', async () => {
  const { channel } = deployed.host;
  await channel.unbindQueue('points', 'orders', 'order.rejected');
  await deployed.placeOrder('order-unroutable', { ...order, items: [{ ...order.items[0], quantity: 1_000 }] });
  expect(await deployed.deliver('reserve-stock', 'stock')).toMatchObject({ counts: { postponed: 1 } });
  await channel.bindQueue('points', 'orders', 'order.rejected');
  expect(await deployed.deliver('reserve-stock', 'stock')).toMatchObject({ counts: { duplicate: 1 } });
  expect(await deployed.deliver('award-points', 'points', 2)).toMatchObject({ counts: { completed: 2 } });
});

test('when a message was redelivered several times, a packaged consumer records the attempt in DynamoDB and completes the message', async () => {
  await deployed.placeOrder('order-that-came-back', order);
  const { channel } = deployed.host;
  for (let time = 0; time < 4; time += 1) {
    const message = await eventually('the order to be there', async () => (await channel.get('stock')) || undefined);
    channel.nack(message, false, true);
  }
  expect(await deployed.deliver('reserve-stock', 'stock')).toMatchObject({ counts: { completed: 1 } });
  await deployed.deliver('award-points', 'points');
  expect(deployed.calls().map(({ action }) => action)).toContain('dynamodb:DeleteItem');
});

test('the packaged functions archive a message that violates the schema, list the dead letter, show it, redrive it, archive it again and discard it', async () => {
  const poison = (messageId: string) =>
    deployed.host.channel.publish('orders', 'order.created', Buffer.from('{"not":"an order"}'), {
      messageId,
      persistent: true,
      contentType: 'application/json',
    });
  poison('b0a1f5f4-0f5e-5b5e-8d5e-000000000001');
  poison('b0a1f5f4-0f5e-5b5e-8d5e-000000000002');
  expect(await deployed.deliver('reserve-stock', 'stock', 2)).toMatchObject({ counts: { 'dead-letter': 2 } });
  expect(await deployed.deliver('archive-dead-letter', 'dead-letters', 2)).toEqual({ archived: 2, duplicates: 0 });
  const listed = await deployed.operate('list-dead-letters', { route: 'GET /dead-letters', query: { queue: 'stock' } });
  expect(listed.body.deadLetters).toHaveLength(2);
  const [one, other] = listed.body.deadLetters as { id: string }[];
  const shown = await deployed.operate('get-dead-letter', { route: 'GET /dead-letters/{id}', path: { id: one!.id } });
  expect([shown.status, shown.body.id]).toEqual([200, one!.id]);
  const route = 'POST /dead-letters/{id}/redrive';
  expect((await deployed.operate('redrive-dead-letter', { route, path: { id: one!.id }, body: {} })).status).toBe(200);
  const many = await deployed.operate('redrive-dead-letters', {
    route: 'POST /dead-letters/redrive',
    body: { filter: { queue: 'stock' } },
  });
  expect(many.body).toMatchObject({ redriven: 1 });
  expect(await deployed.deliver('reserve-stock', 'stock', 2)).toMatchObject({ counts: { 'dead-letter': 2 } });
  await deployed.deliver('archive-dead-letter', 'dead-letters');
  const again = await deployed.operate('list-dead-letters', { route: 'GET /dead-letters', query: { status: 'open' } });
  expect(again.body.deadLetters).toHaveLength(2);
  const [last] = again.body.deadLetters as { id: string }[];
  const gone = await deployed.operate('discard-dead-letter', {
    route: 'DELETE /dead-letters/{id}',
    path: { id: last!.id },
    body: { reason: 'a test' },
  });
  expect([gone.status, other!.id]).toEqual([200, expect.any(String)]);
});

test('the packaged functions group dead letters, and redrive them by a job', async () => {
  const grouped = await deployed.operate('group-dead-letters', { route: 'GET /dead-letters/groups' });
  expect(grouped.body.groups).toMatchObject([{ queue: 'stock', code: 'SCHEMA_MISMATCH', count: 1 }]);
  const started = await deployed.operate('start-dead-letter-job', {
    route: 'POST /dead-letters/jobs',
    body: { action: 'redrive', filter: { queue: 'stock' }, reason: 'a test' },
  });
  expect(started).toMatchObject({ status: 202, body: { status: 'running' } });
  const { id } = started.body;
  await (await deployed.lambda('continue-dead-letter-jobs')).invoke({});
  const { body } = await deployed.operate('list-dead-letter-jobs', { route: 'GET /dead-letters/jobs' });
  expect(body.jobs).toMatchObject([{ id, status: 'done', progress: { done: 1 } }]);
  const change = (action: string) =>
    deployed.operate('change-dead-letter-job', {
      route: 'POST /dead-letters/jobs/{id}',
      path: { id },
      body: { action },
    });
  expect((await change('continue')).body).toMatchObject({ status: 'done', progress: { done: 1 } });
  expect((await change('cancel')).body).toMatchObject({ status: 'done' });
  expect(await deployed.deliver('reserve-stock', 'stock')).toMatchObject({ counts: { 'dead-letter': 1 } });
  expect(await deployed.deliver('archive-dead-letter', 'dead-letters')).toMatchObject({ archived: 1 });
});

test('the packaged functions validate an edited message, publish it in place of the dead letter, and process it to completion', async () => {
  const listed = await deployed.operate('list-dead-letters', { route: 'GET /dead-letters', query: { status: 'open' } });
  const [{ id, messageId }] = listed.body.deadLetters as [{ id: string; messageId: string }];
  const valid = JSON.stringify({ ...order, orderId: messageId });
  const edit = (text: string, dryRun = false) =>
    deployed.operate('edit-dead-letter', {
      route: 'POST /dead-letters/{id}/edit',
      path: { id },
      body: { body: { text }, type: 'order.created', version: 1, reason: 'a test', dryRun },
    });
  const checked = await edit('{"not":"an order"}', true);
  expect(checked).toMatchObject({ status: 200, body: { isValid: false } });
  expect(checked.body.faults).toContainEqual({ path: '/customerId', message: expect.any(String) });
  const sent = await edit(valid);
  expect(sent).toMatchObject({ status: 200, body: { status: 'superseded', isPublished: true } });
  expect(await deployed.deliver('reserve-stock', 'stock')).toMatchObject({ counts: { completed: 1 } });
  const shown = await deployed.operate('get-dead-letter', { route: 'GET /dead-letters/{id}', path: { id } });
  expect(shown.body).toMatchObject({ status: 'superseded', edit: { status: 'published' } });
  const found = await deployed.request('get-order', { route: 'GET /orders/{id}', path: { id: messageId } });
  expect(found.body.consumers).toMatchObject({ stock: { outcome: 'completed' } });
});

test('if the queue of an edited message does not exist, the packaged function continue-dead-letter-jobs publishes the edited message after the queue has been created', async () => {
  const { channel } = deployed.host;
  const properties = { messageId: 'b0a1f5f4-0f5e-5b5e-8d5e-000000000004', persistent: true };
  channel.publish('', 'stock', Buffer.from('{"not":"an order"}'), properties);
  expect(await deployed.deliver('reserve-stock', 'stock')).toMatchObject({ counts: { 'dead-letter': 1 } });
  expect(await deployed.deliver('archive-dead-letter', 'dead-letters')).toMatchObject({ archived: 1 });
  const query = { text: properties.messageId };
  const listed = await deployed.operate('list-dead-letters', { route: 'GET /dead-letters', query });
  const [{ id }] = listed.body.deadLetters as [{ id: string }];
  await channel.deleteQueue('stock');
  const sent = await deployed.operate('edit-dead-letter', {
    route: 'POST /dead-letters/{id}/edit',
    path: { id },
    body: {
      body: { text: JSON.stringify({ ...order, orderId: properties.messageId }) },
      type: 'order.created',
      reason: 'a test',
    },
  });
  expect(sent).toMatchObject({ status: 202, body: { isPublished: false, error: 'UNROUTABLE' } });
  await applyTopology();
  const sweep = await deployed.lambda('continue-dead-letter-jobs');
  await eventually('the edited message to be published', async () => {
    await sweep.invoke({});
    const shown = await deployed.operate('get-dead-letter', { route: 'GET /dead-letters/{id}', path: { id } });
    return shown.body.edit.status === 'published';
  });
  expect(await deployed.deliver('reserve-stock', 'stock')).toMatchObject({ counts: { completed: 1 } });
});

test('dead letters can be filtered by an error code as soon as a dead letter with this code exists', async () => {
  const ask = () =>
    deployed.operate('list-dead-letters', { route: 'GET /dead-letters', query: { code: 'NO_SUCH_SHELF' } });
  expect((await ask()).status).toBe(400);
  const note = { id: randomUUID() as MessageId, code: 'NO_SUCH_SHELF', reason: 'x', queue: 'stock', at: '2026-11-22' };
  const { body, properties: deadLetter } = deadLetterCopy(
    { body: Buffer.from('1'), properties: { headers: {} } },
    'x',
    note,
  );
  deployed.host.channel.publish('dead-letters', '', body, { headers: deadLetter.headers });
  await deployed.deliver('archive-dead-letter', 'dead-letters');
  expect((await ask()).body.deadLetters).toHaveLength(1);
  const many = await deployed.operate('redrive-dead-letters', {
    route: 'POST /dead-letters/redrive',
    body: { filter: { queue: 'stokc' } },
  });
  expect(many.status).toBe(400);
});

test('the packaged functions for health, readiness, status and the OpenAPI document answer requests', async () => {
  expect((await deployed.request('healthz', { route: 'GET /healthz' })).status).toBe(200);
  expect((await deployed.request('readyz', { route: 'GET /readyz' })).body).toMatchObject({ status: 'ready' });
  expect((await deployed.operate('status', { route: 'GET /status' })).body.queues).toMatchObject([
    { name: 'stock' },
    { name: 'points' },
  ]);
  expect((await deployed.request('openapi', { route: 'GET /openapi.json' })).body).toMatchObject({
    openapi: expect.stringMatching(/^3\.1\./),
  });
  const reporter = await deployed.lambda('report-queues');
  // The broker updates its figures every five seconds.
  await eventually('the figures of every queue', async () => {
    await reporter.invoke({});
    return metricLines('report-queues').some(({ QueueReportFailed }) => QueueReportFailed === 0);
  });
});

test("the packaged function of the operators' console answers with a compressed page", async () => {
  const console = await deployed.lambda('console');
  const about = { route: 'GET /console', headers: { 'accept-encoding': 'gzip, br' } };
  const { headers, body, isBase64Encoded } = (await console.invoke(aRequest(about))) as {
    headers: Record<string, string>;
    body: string;
    isBase64Encoded: boolean;
  };
  expect([isBase64Encoded, headers['content-encoding']]).toEqual([true, 'gzip']);
  const compressed = Buffer.from(body, 'base64');
  expect(compressed.length).toBeLessThan(150_000);
  const [, script = ''] = /<script type="module">(.*?)<\/script>/s.exec(gunzipSync(compressed).toString()) ?? [];
  const hash = createHash('sha256').update(script).digest('base64');
  expect(headers['content-security-policy']).toContain(`script-src 'sha256-${hash}';`);
  expect(script.length).toBeGreaterThan(10_000);
});

test('an order is accepted while DynamoDB is unavailable, and a metric counts the missing idempotency record', async () => {
  const unreachable = { AWS_ENDPOINT_URL_DYNAMODB: 'http://127.0.0.1:9' };
  const got = await deployed.placeOrder('order-three', order, unreachable);
  expect(got.status).toBe(202);
  expect(metricLines('place-order beside').flatMap((line) => Object.keys(line))).toContain('IntakeRecordUnavailable');
});

test('a packaged function whose DynamoDB table is missing answers 500 with the code TABLE_MISSING, and logs the error', async () => {
  const about = { route: 'GET /stock/{sku}', path: { sku: 'apple' } };
  const wrong = { AWS_ENDPOINT_URL_DYNAMODB: process.env.DYNAMODB_ENDPOINT!, TABLE_PREFIX: 'nowhere-' };
  expect(await deployed.request('get-stock', about, wrong)).toMatchObject({
    status: 500,
    body: { type: 'urn:surehop:problem:misconfigured', code: 'TABLE_MISSING' },
  });
  expect(metricLines('get-stock beside').flatMap((line) => Object.keys(line))).toContain('DeploymentWrong');
  const { lines } = deployed.running.get('get-stock beside')!;
  expect(lines.filter((line) => line.includes('"deployment is wrong"') && line.includes('nowhere-stock'))).toHaveLength(
    1,
  );
});

test('the packaged rotation function performs all four steps of a secret rotation', async () => {
  const lambda = await deployed.lambda('rotate-login');
  const SecretId = deployed.logins.monitor;
  // The bundle contains the real usernames; no other test uses this one.
  deployed.secrets.replace(SecretId, JSON.stringify({ username: 'monitor-a', password: 'unused' }));
  const ClientRequestToken = deployed.secrets.beginRotation(SecretId);
  for (const Step of ['createSecret', 'setSecret', 'testSecret', 'finishSecret'])
    await lambda.invoke({ SecretId, ClientRequestToken, Step });
  const { username, password } = JSON.parse(deployed.secrets.current(SecretId)) as Record<string, string>;
  expect([username, password!.length]).toEqual(['monitor-b', expect.any(Number)]);
  expect(lambda.lines.join('\n')).not.toContain(password);
});

test('the packaged function remove-network reports success to CloudFormation', async () => {
  const event = (ResourceProperties: Record<string, unknown>): CustomResourceEvent => ({
    RequestType: 'Delete',
    ResponseURL: deployed.answersUrl,
    StackId: 'arn:aws:cloudformation:eu-central-1:000000000000:stack/surehop-dev/1',
    RequestId: '2',
    LogicalResourceId: 'FunctionsNetwork',
    PhysicalResourceId: 'made',
    ResourceProperties,
  });
  const lambda = await deployed.lambda('remove-network');
  await lambda.invoke(event({ SecurityGroup: 'sg-functions' }));
  await lambda.invoke(event({ EventSource: 'b0a1f5f4-0f5e-5b5e-8d5e-000000000003' }));
  expect(deployed.answers.slice(-2)).toMatchObject([
    { Status: 'SUCCESS', PhysicalResourceId: 'made' },
    { Status: 'SUCCESS', PhysicalResourceId: 'made' },
  ]);
});

describe('the stack trace of an error in a packaged function', () => {
  /** Returns the line of source code to which a stack frame, such as `at read (lib/x.ts:12:9)`, points. */
  function sourceLine(frame: string): string {
    const [, file, line] = /([^\s(]+\.ts):(\d+):\d+/.exec(frame)!;
    return readFileSync(file!, 'utf8').split('\n')[Number(line) - 1]!;
  }

  test('when a packaged function logs an error, the stack trace refers to lines of the TypeScript sources', async () => {
    const about = { route: 'GET /stock/{sku}', path: { sku: 'pear' } };
    const wrong = { AWS_ENDPOINT_URL_DYNAMODB: process.env.DYNAMODB_ENDPOINT!, TABLE_PREFIX: 'nowhere-' };
    expect((await deployed.request('get-stock', about, wrong)).status).toBe(500);
    const { lines } = deployed.running.get('get-stock beside')!;
    const failed = lines.findLast((line) => line.includes('"request failed"'))!;
    const { reason, error } = JSON.parse(failed) as { reason: string; error: { stack: string } };
    expect(reason).toBe('TABLE_MISSING');
    const own = error.stack.split('\n').find((frame) => frame.includes('functions/orders/get-stock.ts'));
    expect(sourceLine(own!)).toContain('await readItem(');
  });

  test('when a packaged function throws an error, the stack trace refers to lines of the TypeScript sources', async () => {
    const lambda = await deployed.lambda('rotate-login');
    const SecretId = deployed.logins.monitor;
    const ClientRequestToken = deployed.secrets.beginRotation(SecretId);
    const error = await lambda.invoke({ SecretId, ClientRequestToken, Step: 'unknown' }).then(
      () => undefined,
      (thrown: { trace: string[] }) => thrown,
    );
    const [first, ...others] = error!.trace.slice(1);
    expect(sourceLine(first!)).toContain('throw new Error(`Secrets Manager sent the unknown rotation step');
    expect(others.join('\n')).toContain('lib/deployment/rotate-login.ts');
  });
});

test('the tests in packages-run.test.ts have run every packaged function', () => {
  expect([...deployed.running.keys()].filter((key) => !key.endsWith(' beside')).toSorted()).toEqual(
    [...deployed.functions.keys()].toSorted(),
  );
});

/** Lists the permissions of a function's IAM role, each in the format `action resource`. */
function allowedTo(key: string): string[] {
  const { template, functions } = deployed;
  const { Role } = functions.get(key)!;
  const refs = Object.fromEntries(Object.keys(template.Resources).map((id) => [`${id}.Arn`, `arn of ${id}`]));
  const policies = resolveValue(properties(template.Resources[Role['Fn::GetAtt'][0]])['Policies'], {
    ...deployed,
    refs,
  }) as { PolicyDocument: { Statement: Statement[] } }[];
  return policies
    .flatMap(({ PolicyDocument }) => PolicyDocument.Statement)
    .filter(({ Effect }) => Effect === 'Allow')
    .flatMap(({ Action, Resource }) =>
      [Action].flat().flatMap((action) => ([Resource].flat() as string[]).map((resource) => `${action} ${resource}`)),
    );
}

test('the tests run every packaged function on the major version of Node.js that the CloudFormation template sets', () => {
  const runtimes = new Set([...deployed.functions.values()].map(({ Runtime }) => String(Runtime)));
  const versions = new Set([...deployed.running.values()].map((lambda) => lambda.nodeVersion()?.split('.')[0]));
  if ('missing' in deployed.node) {
    process.stderr.write(`${deployed.node.missing}: the packages ran on ${process.version} only\n`);
    expect([...versions]).toEqual([process.version.split('.')[0]]);
    return;
  }
  expect([...runtimes]).toEqual(['nodejs24.x']);
  expect([...versions]).toEqual(['v24']);
});

test('no packaged function has sent a request to AWS that the IAM role of the function does not allow', () => {
  const arnOf = (resource: string) => {
    if (resource === '*' || resource.startsWith('arn:')) return resource;
    // The ids of event sources are unknown before their creation, so the role has a wildcard.
    if (resource.startsWith('alarm:')) return `arn:aws:cloudwatch:eu-central-1:000000000000:${resource}`;
    if (resource.startsWith('event-source-mapping:'))
      return 'arn:aws:lambda:eu-central-1:000000000000:event-source-mapping:*';
    return `arn:aws:dynamodb:eu-central-1:000000000000:table/${resource.replace('/', '/index/')}`;
  };
  const calls = deployed.calls();
  expect(calls.length).toBeGreaterThan(30);
  const refused = calls.filter(
    ({ caller, action, resource }) => !allowedTo(caller).includes(`${action} ${arnOf(resource)}`),
  );
  expect(refused).toEqual([]);
});

function metricLines(key: string): Record<string, unknown>[] {
  return deployed.running.get(key)!.lines.flatMap((line) => {
    const start = line.indexOf('{"_aws"');
    return start < 0 ? [] : [JSON.parse(line.slice(start)) as Record<string, unknown>];
  });
}

test('the packaged functions write every metric that a CloudWatch alarm or the dashboard uses, with the same dimensions', () => {
  const written = new Set(
    [...deployed.running.keys()].flatMap(metricLines).flatMap((line) => {
      const { CloudWatchMetrics } = line['_aws'] as {
        CloudWatchMetrics: { Namespace: string; Dimensions: string[][]; Metrics: { Name: string }[] }[];
      };
      return CloudWatchMetrics.flatMap(({ Dimensions, Metrics }) =>
        Dimensions.flatMap((names) => Metrics.map(({ Name }) => [Name, ...names.toSorted()].join(' '))),
      );
    }),
  );
  const watched = new Set<string>();
  for (const [value] of walk(deployed.template.Resources)) {
    const { Namespace, MetricName, Dimensions, DashboardBody } = value as Record<string, unknown>;
    if (Namespace === 'Surehop')
      watched.add([MetricName, ...(Dimensions as { Name: string }[]).map(({ Name }) => Name).toSorted()].join(' '));
    if (DashboardBody)
      for (const [, name, ...dimensions] of chartsOf(String(resolveValue(DashboardBody as Value, {}))))
        watched.add(
          [name, ...dimensions.filter((one, index) => index % 2 === 0 && typeof one === 'string').toSorted()].join(' '),
        );
  }
  expect(watched.size).toBeGreaterThan(10);
  expect([...watched].filter((metric) => !written.has(metric))).toEqual([]);
});

const chartsOf = (body: string): string[][] =>
  (JSON.parse(body) as { widgets: { properties: { metrics?: string[][] } }[] }).widgets
    .flatMap(({ properties: { metrics = [] } }) => metrics)
    .filter(([namespace]) => namespace === 'Surehop');

test('no packaged function has written a password or the signing key to the log', () => {
  const passwords = Object.values(deployed.logins).map(
    (arn) => (JSON.parse(deployed.secrets.current(arn)) as { password: string }).password,
  );
  for (const [key, { lines }] of deployed.running)
    for (const password of [deployed.signingKey, ...passwords].filter((one) => one !== 'guest'))
      expect([key, lines.join('\n').includes(password)]).toEqual([key, false]);
});
