import { spawn } from 'node:child_process';
import { homedir } from 'node:os';

import { afterEach, beforeEach, expect, test } from '@jest/globals';

import { anAwsAccount, type AwsAccount } from '../support/aws-account.ts';
import { aCheckout, serverlessCommand } from '../support/packages.ts';

let aws: AwsAccount;
beforeEach(async () => {
  aws = await anAwsAccount();
  process.env['AWS_ENDPOINT_URL'] = aws.url;
});
afterEach(async () => {
  delete process.env['AWS_ENDPOINT_URL'];
  await aws.stop();
});

test('serverless deploy lists the AWS quotas that are too low for the stage, and stops before changing anything', async () => {
  Object.assign(aws.state, { concurrency: 10, unreserved: 10, vpcs: 5 });
  const checkout = aCheckout({ withoutCode: true });
  try {
    const { code, output } = await deploy(checkout.directory, 'prod');
    expect(code).not.toBe(0);
    expect(output).toMatch(/nothing was deployed, because the deployment would fail later/);
    expect(output).toMatch(/L-B99A9384/);
    expect(output).toMatch(/L-F678F1CE/);
    const changing = aws.calls.filter(
      (call) => !/ (List|Describe|Get)\w+$| \/2016-08-19\/account-settings\/$| \/v1\//.test(call),
    );
    expect(changing).toEqual([]);
  } finally {
    checkout.remove();
  }
}, 120_000);

const deploy = (directory: string, stage: string): Promise<{ code: number | null; output: string }> =>
  new Promise((done, failed) => {
    const child = spawn(process.execPath, [serverlessCommand(), 'deploy', '--stage', stage], {
      cwd: directory,
      env: {
        PATH: process.env['PATH'],
        HOME: directory,
        SLS_SCHEMA_CACHE_BASE_DIR: homedir(),
        AWS_ENDPOINT_URL: aws.url,
        AWS_ACCESS_KEY_ID: 'local',
        AWS_SECRET_ACCESS_KEY: 'local',
        AWS_CONFIG_FILE: '/dev/null',
        AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
        AWS_EC2_METADATA_DISABLED: 'true',
        SLS_TELEMETRY_DISABLED: '1',
        SLS_NOTIFICATIONS_MODE: 'off',
        NO_COLOR: '1',
      },
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (output += data.toString()));
    child.once('error', failed).once('exit', (code) => done({ code, output }));
  });
