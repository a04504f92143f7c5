import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Channel, GetMessage } from 'amqplib';

import { signedHeaders } from '../../infra/dev/runtime/sign.ts';
import { brokerRoles } from '../../infra/topology.ts';
import { eventJson, recordJson, type DeliveredMessage } from '../../infra/emulator/event.ts';
import { createTestTables } from './example/create-tables.ts';
import type { Template } from '../../infra/aws/template.ts';
import { addressesOf, administrator, firstLogins, removeUsers, rolesOf } from './deployed-logins.ts';
import { aVirtualHost, type VirtualHost } from './broker.ts';
import { eventually } from './eventually.ts';
import { startLambda, type Lambda } from './lambda.ts';
import { anAwsNetwork } from './aws-network.ts';
import { aCheckout, packageStack } from './packages.ts';
import { aRecordingProxy, type Call } from './recording-proxy.ts';
import { call, type Got } from './request.ts';
import { nodeFor, type RuntimeNode } from './runtime-node.ts';
import { aSecretsManager, type SecretsManager } from './secrets-manager.ts';
import { ofType, properties, type Properties, resolveValue } from './templates.ts';
import { unzip } from './unzip.ts';

type About = Parameters<typeof call>[1];

const BROKER_ARN = 'arn:aws:mq:eu-central-1:000000000000:broker:surehop:b-1';
const ROLES = ['administrator', 'publisher', 'consumer', 'monitor'] as const;

/**
 * The packaged Lambda functions of a stage, which run on this machine with a real broker and DynamoDB, and with the
 * environment variables of the CloudFormation template.
 */
export interface Deployment {
  readonly template: Template;
  readonly host: VirtualHost;
  readonly secrets: SecretsManager;
  /** For each broker role, the ARN of the secret that contains the role's login. */
  readonly logins: Readonly<Record<(typeof ROLES)[number], string>>;
  readonly signingKey: string;
  /** The values that the broker stack exports, by the name of the export. */
  readonly imports: Readonly<Record<string, string>>;
  /** The properties of each function in the CloudFormation template, by the function's key in serverless.yml. */
  readonly functions: ReadonlyMap<string, Properties>;
  readonly node: RuntimeNode;
  /** The running functions, by the function's key in serverless.yml. */
  readonly running: ReadonlyMap<string, Lambda>;
  /**
   * Returns the requests that the functions sent to AWS services. The local names of DynamoDB tables are replaced by
   * their names on AWS.
   */
  calls(): Call[];
  /** The responses that the custom resources sent to `answersUrl` instead of to CloudFormation. */
  readonly answers: readonly Record<string, string>[];
  readonly answersUrl: string;
  lambda(key: string, beside?: Record<string, string>): Promise<Lambda>;
  request(key: string, about: About, beside?: Record<string, string>): Promise<Got>;
  /** Places an order as the client "shop", which signs the HTTP request. */
  placeOrder(key: string, body: object, beside?: Record<string, string>): Promise<Got>;
  /** Calls a Lambda function with the event that API Gateway sends after it has accepted an operator's access token. */
  operate(key: string, about: About): Promise<Got>;
  /** Waits until a queue contains `count` messages, and passes them to the function in one batch. */
  deliver(key: string, queue: string, count?: number): Promise<unknown>;
  remove(): Promise<void>;
}

export async function aDeployment(stage: string): Promise<Deployment> {
  const undo: (() => Promise<void> | void)[] = [];
  const remove = async () => {
    for (const step of undo.splice(0).toReversed()) await step();
  };
  try {
    return await deploy(stage, undo, remove);
  } catch (error) {
    // Open servers and processes would keep the test run from ending.
    await remove();
    throw error;
  }
}

async function deploy(
  stage: string,
  undo: (() => Promise<void> | void)[],
  remove: () => Promise<void>,
): Promise<Deployment> {
  const prefix = `surehop-${stage}-`;
  const stopped = <T extends { stop(): Promise<void> }>(part: T): T => {
    undo.push(() => part.stop());
    return part;
  };
  const checkout = aCheckout();
  undo.push(() => checkout.remove());
  const unpacked = mkdtempSync(join(tmpdir(), 'surehop-unpacked-'));
  undo.push(() => rmSync(unpacked, { recursive: true, force: true }));
  const { template, directory } = await packageStack(checkout.directory, 'functions', stage);
  const host = await aVirtualHost();
  let raw: Channel | undefined;
  undo.push(async () => {
    await removeUsers(host, rolesOf(host, brokerRoles));
    await host.remove();
  });
  const secrets = stopped(await aSecretsManager());
  const taker = stopped(await takeAnswers());
  const storeEndpoint = process.env['DYNAMODB_ENDPOINT']!;
  const store = stopped(await aRecordingProxy(storeEndpoint));
  const network = stopped(await anAwsNetwork());
  const vault = stopped(await aRecordingProxy(process.env['AWS_ENDPOINT_URL_SECRETS_MANAGER']!));
  await createTestTables(storeEndpoint, `${host.name}-`);
  const functions = new Map(
    ofType(template, 'AWS::Lambda::Function').map(([, lambda]) => {
      const { FunctionName } = properties(lambda);
      return [String(FunctionName).replace(prefix, ''), properties(lambda)];
    }),
  );
  const node = await nodeFor([...functions.values()][0]!['Runtime'] as string);
  for (const key of functions.keys()) unzip(join(directory, `${key}.zip`), join(unpacked, key));

  const first: Record<string, unknown> = {
    ...firstLogins(rolesOf(host, brokerRoles)),
    administrator: JSON.parse(administrator()) as unknown,
  };
  const logins = Object.fromEntries(
    ROLES.map((role) => [role, secrets.create(`surehop/${stage}/broker/${role}`, JSON.stringify(first[role]))]),
  ) as Deployment['logins'];
  const signingKey = `whsec_${Buffer.alloc(32, 'k').toString('base64')}`;
  const { endpoint, managementUrl } = addressesOf(host);
  const exported: Record<string, string> = {
    'broker-endpoint': endpoint,
    'management-url': managementUrl,
    'broker-arn': BROKER_ARN,
    'critical-topic': 'arn:aws:sns:eu-central-1:000000000000:critical',
    'warning-topic': 'arn:aws:sns:eu-central-1:000000000000:warning',
    'operators-issuer': 'https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_1',
    'signing-keys': secrets.create(`surehop/${stage}/signing-keys`, JSON.stringify({ shop: [signingKey] })),
    ...Object.fromEntries(ROLES.map((role) => [`${role}-login`, logins[role]])),
  };
  const imports = Object.fromEntries(
    Object.entries(exported).map(([name, value]) => [`surehop-broker-${stage}:${name}`, value]),
  );
  const running = new Map<string, Lambda>();

  async function lambda(key: string, beside?: Record<string, string>): Promise<Lambda> {
    const name = beside ? `${key} beside` : key;
    const known = running.get(name);
    if (known) return known;
    const { Handler, Timeout, FunctionName, Environment } = functions.get(key)!;
    const started = await startLambda({
      functionName: FunctionName,
      taskRoot: join(unpacked, key),
      handler: Handler,
      timeoutSeconds: Timeout,
      ...('command' in node && { node: node.command }),
      environment: {
        ...(resolveValue(Environment.Variables, { imports, refs: { ConsoleClient: 'client-1' } }) as Record<
          string,
          string
        >),
        // The tables of this run, and proxies that record the function's requests.
        TABLE_PREFIX: `${host.name}-`,
        AWS_ENDPOINT_URL_DYNAMODB: store.url,
        AWS_ENDPOINT_URL_SECRETS_MANAGER: vault.url,
        AWS_ENDPOINT_URL_EC2: network.url,
        AWS_ENDPOINT_URL_LAMBDA: network.url,
        AWS_ENDPOINT_URL_MONITORING: network.url,
        AWS_SESSION_TOKEN: key,
        ...beside,
      },
    });
    running.set(name, stopped(started));
    return started;
  }

  async function request(key: string, about: About, beside?: Record<string, string>): Promise<Got> {
    const started = await lambda(key, beside);
    return call(async (event) => (await started.invoke(event)) as never, about);
  }

  return {
    template,
    host,
    secrets,
    logins,
    signingKey,
    imports,
    functions,
    node,
    running,
    calls: () => [
      ...store.calls.map((one) => ({ ...one, resource: one.resource.replace(`${host.name}-`, prefix) })),
      ...vault.calls,
      ...network.calls,
    ],
    answers: taker.bodies,
    answersUrl: taker.url,
    lambda,
    request,
    placeOrder(key, body, beside) {
      const raw = JSON.stringify(body);
      const headers = signedHeaders(raw, { key, secret: signingKey });
      return request('place-order', { route: 'POST /orders', headers, raw }, beside);
    },
    operate(key, about) {
      const route = ofType(template, 'AWS::ApiGatewayV2::Route').find(
        ([, one]) => properties(one)['RouteKey'] === about.route,
      );
      const { AuthorizationScopes: scopes } = properties(route?.[1]);
      return request(key, {
        ...about,
        headers: { authorization: 'Bearer verified.by.gateway' },
        authorizer: { jwt: { claims: { sub: 'operator', scope: scopes.join(' ') }, scopes } },
      });
    },
    async deliver(key, queue, count = 1) {
      const messages: GetMessage[] = [];
      raw ??= await host.rawChannel();
      const channel = raw;
      await eventually(`${count} messages in the queue ${queue}`, async () => {
        for (let message = await channel.get(queue); message; message = await channel.get(queue))
          messages.push(message);
        return messages.length >= count;
      });
      const records = messages.map((message) => recordJson(message as unknown as DeliveredMessage));
      const event = eventJson({ eventSourceArn: BROKER_ARN, queue, virtualHost: '/' }, records);
      const result = await (await lambda(key)).invoke(JSON.parse(event));
      for (const message of messages) channel.ack(message);
      return result;
    },
    remove,
  };
}

/** Starts an HTTP server that receives the responses of custom resources in place of CloudFormation. */
async function takeAnswers() {
  const bodies: Record<string, string>[] = [];
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      bodies.push(JSON.parse(Buffer.concat(chunks).toString()) as Record<string, string>);
      response.end();
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    bodies,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/answer?signature=1`,
    async stop() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}
