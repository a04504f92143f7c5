import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

import { checkAccount } from '../../infra/aws/account.ts';
import { readStage } from '../../infra/stages/read-stage.ts';
import { anAwsAccount, ZONES, type AwsAccount } from '../support/aws-account.ts';

const access = {
  region: 'eu-central-1',
  credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  environment: process.env,
};
const nothing = { faults: [], unknown: [] };

let aws: AwsAccount;
beforeEach(async () => {
  aws = await anAwsAccount();
  process.env['AWS_ENDPOINT_URL'] = aws.url;
});
afterEach(async () => {
  delete process.env['AWS_ENDPOINT_URL'];
  await aws.stop();
});

const check = (stageName: string, reserved = 0) =>
  checkAccount(access, { service: 'surehop', stageName, stage: readStage(stageName), reserved });

describe('the check of the AWS account before a deployment', () => {
  test('the account check reports nothing if the AWS account meets all requirements of the stage', async () => {
    expect(await check('prod', 813)).toEqual(nothing);
    expect(await check('dev')).toEqual(nothing);
  });

  test('when an AWS account has too little Lambda concurrency, the account check names the quota and the command that raises the quota', async () => {
    Object.assign(aws.state, { concurrency: 10, unreserved: 10 });
    const { faults } = await check('prod', 813);
    expect(faults).toEqual([
      expect.stringMatching(
        /reserve a concurrency of 813.*keeps 100.*has 10 in eu-central-1: request an increase of the quota "Concurrent executions" \(L-B99A9384\) to at least 913.*request-service-quota-increase --service-code lambda --quota-code L-B99A9384 --desired-value 913/,
      ),
    ]);
    expect(await check('dev')).toEqual(nothing);
  });

  test('Lambda concurrency that other functions reserve counts as unavailable, but concurrency that the functions of the stage reserve does not', async () => {
    Object.assign(aws.state, { unreserved: 600 });
    expect((await check('prod', 813)).faults).toEqual([
      expect.stringMatching(/of which other functions reserve 400.*to at least 1313/),
    ]);
    // After a failed first deployment only the bucket is left.
    aws.state.stacks['surehop-prod'] = { ServerlessDeploymentBucket: 'CREATE_COMPLETE' };
    expect((await check('prod', 813)).faults).toHaveLength(1);
    aws.state.stacks['surehop-prod'] = { PlaceDashorderLambdaFunction: 'UPDATE_COMPLETE' };
    expect(await check('prod', 813)).toEqual(nothing);
  });

  test('when the quota of VPCs or of Elastic IP addresses is exhausted, the account check names the quota', async () => {
    Object.assign(aws.state, { vpcs: 5, addresses: 5 });
    expect((await check('dev')).faults).toEqual([
      expect.stringMatching(
        /5 of 5 exist in eu-central-1: request an increase of the quota "VPCs per Region" \(L-F678F1CE\) to at least 6/,
      ),
      expect.stringMatching(
        /5 of 5 are in use in eu-central-1: request an increase of the quota "EC2-VPC Elastic IPs" \(L-0263D0A3\) to at least 6/,
      ),
    ]);
    // A stage with endpoints instead of NAT gateways needs no public address.
    expect((await check('staging')).faults).toHaveLength(1);
    aws.state.hasDefaultQuotas = true;
    expect(await check('dev')).toMatchObject({ faults: [expect.any(String), expect.any(String)], unknown: [] });
  });

  test('the account check reports a region with only two availability zones, and a region in which one zone does not offer the broker', async () => {
    aws.state.zones = ZONES.slice(0, 2);
    expect((await check('prod')).faults).toEqual([expect.stringMatching(/eu-central-1 has 2 availability zones/)]);
    aws.state.zones = ZONES;
    aws.state.offered = { SINGLE_INSTANCE: ZONES, CLUSTER_MULTI_AZ: ZONES.slice(0, 2) };
    expect((await check('prod')).faults).toEqual([
      'Amazon MQ does not offer mq.m7g.large as CLUSTER_MULTI_AZ in eu-central-1c: choose another broker.instanceType or another region',
    ]);
    expect(await check('dev')).toEqual(nothing);
  });

  test('before a first deployment, the account check reports tables and secrets that a removed stage has left behind', async () => {
    Object.assign(aws.state, {
      tables: ['surehop-dev-inbox', 'surehop-dev-audit'],
      secrets: ['surehop/dev/signing-keys'],
    });
    expect((await check('dev')).faults).toEqual([
      expect.stringMatching(
        /^the table surehop-dev-inbox, surehop-dev-audit already exists: .*Import it, or delete it/,
      ),
      expect.stringMatching(/^the secret surehop\/dev\/signing-keys already exists: /),
    ]);
    // Imported resources belong to the stack.
    aws.state.stacks['surehop-broker-dev'] = {
      InboxTable: 'IMPORT_COMPLETE',
      AuditTable: 'IMPORT_COMPLETE',
      SigningKeys: 'IMPORT_COMPLETE',
    };
    expect(await check('dev')).toEqual(nothing);
  });

  test('the quotas of the AWS account are checked again after a failed first deployment, but not after a successful deployment', async () => {
    aws.state.vpcs = 5;
    aws.state.stacks['surehop-broker-dev'] = {
      ServerlessDeploymentBucket: 'CREATE_COMPLETE',
      Broker: 'DELETE_COMPLETE',
    };
    expect((await check('dev')).faults).toHaveLength(1);
    aws.state.stacks['surehop-broker-dev'] = {
      ServerlessDeploymentBucket: 'CREATE_COMPLETE',
      Network: 'CREATE_COMPLETE',
      Broker: 'UPDATE_COMPLETE',
    };
    expect(await check('dev')).toEqual(nothing);
  });

  test('when the deploying user lacks the permission for an account check, the check is reported as not done and the deployment may continue', async () => {
    aws.state.denied = ['servicequotas', 'mq'];
    const { faults, unknown } = await check('dev');
    expect(faults).toEqual([]);
    expect(unknown).toEqual([
      expect.stringMatching(/^VPCs of the region: .*AccessDeniedException: not authorized to perform servicequotas:/),
      expect.stringMatching(/^Elastic IP addresses: /),
      expect.stringMatching(/^availability zones of the region: /),
    ]);
  });
});
