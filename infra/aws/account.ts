import { AwsApiError, awsRequest, ec2Request, textsOf, type AwsAccess } from 'surehop/aws';

import { ZONES } from './foundation/network.ts';
import { tableResources } from './foundation/tables.ts';
import type { Stage } from '../stages/stage.ts';

/**
 * The number of concurrent executions that AWS keeps free for functions without reserved concurrency
 * (https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html).
 */
const UNRESERVED_CONCURRENCY = 100;

interface Quota {
  readonly name: string;
  readonly service: string;
  readonly code: string;
}

const quotas = {
  concurrency: { name: 'Concurrent executions', service: 'lambda', code: 'L-B99A9384' },
  networks: { name: 'VPCs per Region', service: 'vpc', code: 'L-F678F1CE' },
  addresses: { name: 'EC2-VPC Elastic IPs', service: 'ec2', code: 'L-0263D0A3' },
} as const satisfies Record<string, Quota>;

const raise = ({ name, service, code }: Quota, value: number) =>
  `request an increase of the quota "${name}" (${code}) to at least ${value}, which can take days: ` +
  `aws service-quotas request-service-quota-increase --service-code ${service} --quota-code ${code} --desired-value ${value}`;

export interface Deployment {
  readonly service: string;
  readonly stageName: string;
  readonly stage: Stage;
  /** The total reserved concurrency of all functions. Absent if only the foundation stack is deployed. */
  readonly reserved?: number;
}

/** The result of checking an AWS account before a deployment. */
export interface Findings {
  /** The reasons why the deployment would fail, each with advice on what to do. */
  readonly faults: readonly string[];
  /** The checks of the AWS account that could not run, each with the reason. */
  readonly unknown: readonly string[];
}

/**
 * Checks the AWS account with the deployer's credentials, in order to find problems that would otherwise make the
 * deployment fail halfway.
 */
export async function checkAccount(access: AwsAccess, deployment: Deployment): Promise<Findings> {
  const { service, stageName, stage, reserved = 0 } = deployment;
  const there = await attempt('stacks', async () => ({
    broker: await resourcesOf(access, `${service}-broker-${stageName}`),
    functions: await resourcesOf(access, `${service}-${stageName}`),
  }));
  const isFirst = there.found?.broker.has('Broker') === false;
  const checks: Record<string, () => Promise<string | undefined>> = {
    ...(reserved > 0 && {
      "Lambda's concurrency": () => concurrency(access, reserved, there.found?.functions),
    }),
    ...(isFirst && {
      'VPCs of the region': () => networks(access),
      ...(stage.network.exit === 'nat' && { 'Elastic IP addresses': () => addresses(access, stage.network.exitZones) }),
      'availability zones of the region': () => zones(access, stage),
      'retained tables': () => tables(access, deployment, there.found!.broker),
      'retained signing keys': () => signingKeys(access, deployment, there.found!.broker),
    }),
  };
  const results = await Promise.all(Object.entries(checks).map(([what, check]) => attempt(what, check)));
  return {
    faults: results.flatMap(({ found }) => found ?? []),
    unknown: [there, ...results].flatMap(({ unknown }) => unknown ?? []),
  };
}

async function attempt<T>(what: string, check: () => Promise<T>): Promise<{ found?: T; unknown?: string }> {
  try {
    return { found: await check() };
  } catch (error) {
    return { unknown: `${what}: ${(error as Error).message}` };
  }
}

async function concurrency(
  access: AwsAccess,
  reserved: number,
  inStack: ReadonlySet<string> = new Set(),
): Promise<string | undefined> {
  const text = await awsRequest(access, 'lambda', { method: 'GET', path: '/2016-08-19/account-settings/' });
  const { AccountLimit: limit } = JSON.parse(text) as {
    AccountLimit: { ConcurrentExecutions: number; UnreservedConcurrentExecutions: number };
  };
  // If the stage is already deployed, its functions are part of the reserved concurrency. A first deployment that failed has left
  // no functions.
  const hasFunctions = [...inStack].some((id) => id.endsWith('LambdaFunction'));
  const free = hasFunctions ? limit.ConcurrentExecutions : limit.UnreservedConcurrentExecutions;
  if (free >= reserved + UNRESERVED_CONCURRENCY) return undefined;
  const taken = limit.ConcurrentExecutions - free;
  return (
    `the functions of the stage reserve a concurrency of ${reserved}, and AWS keeps ${UNRESERVED_CONCURRENCY} for functions without a reservation, ` +
    `but the account has ${limit.ConcurrentExecutions} in ${access.region}${taken > 0 ? `, of which other functions reserve ${taken}` : ''}: ` +
    `${raise(quotas.concurrency, reserved + taken + UNRESERVED_CONCURRENCY)}; or lower publisherConcurrency of the stage`
  );
}

async function networks(access: AwsAccess): Promise<string | undefined> {
  const existing = new Set(textsOf(await ec2Request(access, 'DescribeVpcs', {}), 'vpcId')).size;
  const allowed = await quotaOf(access, quotas.networks);
  if (existing < allowed) return undefined;
  return `the stage needs a VPC, but ${existing} of ${allowed} exist in ${access.region}: ${raise(quotas.networks, existing + 1)}; or delete one`;
}

async function addresses(access: AwsAccess, needed: number): Promise<string | undefined> {
  const existing = new Set(textsOf(await ec2Request(access, 'DescribeAddresses', {}), 'allocationId')).size;
  const allowed = await quotaOf(access, quotas.addresses);
  if (existing + needed <= allowed) return undefined;
  return `the NAT gateways need ${needed} Elastic IP addresses, but ${existing} of ${allowed} are in use in ${access.region}: ${raise(quotas.addresses, existing + needed)}; or release some`;
}

async function quotaOf(access: AwsAccess, { service, code }: Quota): Promise<number> {
  const request = (action: string) =>
    json(access, 'servicequotas', `ServiceQuotasV20190624.${action}`, { ServiceCode: service, QuotaCode: code });
  const text = await request('GetServiceQuota').catch((error: unknown) => {
    // Service Quotas can return an error for a quota that was never changed in this account; then only its default value exists.
    if (error instanceof AwsApiError && error.code === 'NoSuchResourceException')
      return request('GetAWSDefaultServiceQuota');
    throw error;
  });
  return (JSON.parse(text) as { Quota: { Value: number } }).Quota.Value;
}

async function zones(access: AwsAccess, { broker }: Pick<Stage, 'broker'>): Promise<string | undefined> {
  const xml = await ec2Request(access, 'DescribeAvailabilityZones', {
    'Filter.1.Name': 'zone-type',
    'Filter.1.Value.1': 'availability-zone',
    'Filter.2.Name': 'state',
    'Filter.2.Value.1': 'available',
  });
  const names = textsOf(xml, 'zoneName').toSorted();
  if (names.length < ZONES.length)
    return `${access.region} has ${names.length} availability zones, but the VPC needs ${ZONES.length}: deploy to another region`;
  const query = { engineType: 'RABBITMQ', hostInstanceType: broker.instanceType };
  const answer = await awsRequest(access, 'mq', { method: 'GET', path: '/v1/broker-instance-options', query });
  const { brokerInstanceOptions: options } = JSON.parse(answer) as {
    brokerInstanceOptions: { availabilityZones: { name: string }[]; supportedDeploymentModes: string[] }[];
  };
  const offered = new Set(
    options
      .filter(({ supportedDeploymentModes: modes }) => modes.includes(broker.deployment))
      .flatMap(({ availabilityZones }) => availabilityZones.map(({ name }) => name)),
  );
  const needed = names.slice(0, broker.deployment === 'CLUSTER_MULTI_AZ' ? ZONES.length : 1);
  const missing = needed.filter((name) => !offered.has(name));
  if (missing.length === 0) return undefined;
  return `Amazon MQ does not offer ${broker.instanceType} as ${broker.deployment} in ${missing.join(', ')}: choose another broker.instanceType or another region`;
}

const RETAINED =
  'it was retained when an earlier stage was removed. Import it, or delete it (see "Removing a stage" in docs/deploy.md)';

async function tables(
  access: AwsAccess,
  { service, stageName }: Deployment,
  inStack: ReadonlySet<string>,
): Promise<string | undefined> {
  const names = Object.entries(tableResources(`${service}-${stageName}-`))
    .filter(([id]) => !inStack.has(id))
    .map(([, { Properties }]) => Properties!['TableName'] as string);
  const there = await Promise.all(
    names.map((TableName) => exists(json(access, 'dynamodb', 'DynamoDB_20120810.DescribeTable', { TableName }))),
  );
  const taken = names.filter((_, index) => there[index]);
  return taken.length > 0 ? `the table ${taken.join(', ')} already exists: ${RETAINED}` : undefined;
}

async function signingKeys(
  access: AwsAccess,
  { service, stageName }: Deployment,
  inStack: ReadonlySet<string>,
): Promise<string | undefined> {
  if (inStack.has('SigningKeys')) return undefined;
  const SecretId = `${service}/${stageName}/signing-keys`;
  const isThere = await exists(json(access, 'secretsmanager', 'secretsmanager.DescribeSecret', { SecretId }));
  return isThere ? `the secret ${SecretId} already exists: ${RETAINED}` : undefined;
}

async function exists(answer: Promise<unknown>): Promise<boolean> {
  try {
    await answer;
    return true;
  } catch (error) {
    if (error instanceof AwsApiError && error.code === 'ResourceNotFoundException') return false;
    throw error;
  }
}

async function resourcesOf(access: AwsAccess, StackName: string): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  let next: string | undefined;
  try {
    do {
      const form = { Action: 'ListStackResources', Version: '2010-05-15', StackName, ...(next && { NextToken: next }) };
      const xml = await awsRequest(access, 'cloudformation', {
        method: 'POST',
        path: '/',
        headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
        body: new URLSearchParams(form).toString(),
      });
      for (const [, member = ''] of xml.matchAll(/<member>(.*?)<\/member>/gs)) {
        const [id = ''] = textsOf(member, 'LogicalResourceId');
        if (textsOf(member, 'ResourceStatus')[0] !== 'DELETE_COMPLETE') found.add(id);
      }
      [next] = textsOf(xml, 'NextToken');
    } while (next);
  } catch (error) {
    if (error instanceof AwsApiError && / does not exist/.test(error.message)) return found;
    throw error;
  }
  return found;
}

const json = (access: AwsAccess, service: string, target: string, body: object): Promise<string> =>
  awsRequest(access, service, {
    method: 'POST',
    path: '/',
    headers: {
      'content-type': `application/x-amz-json-1.${service === 'dynamodb' ? 0 : 1}`,
      'x-amz-target': target,
    },
    body: JSON.stringify(body),
  });
