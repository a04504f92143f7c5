import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from '@jest/globals';

test('serverless deploy of the functions first deploys the broker stack for the same stage and region', () => {
  const directory = mkdtempSync(join(tmpdir(), 'surehop-deploy-'));
  try {
    mkdirSync(join(directory, 'infra/broker'), { recursive: true });
    // A stand-in for Serverless, which would need an AWS account.
    const command = join(directory, 'serverless.mjs');
    writeFileSync(
      command,
      `import { writeFileSync } from 'node:fs';
       writeFileSync('arguments.json', JSON.stringify(process.argv.slice(2)));
       process.exit(process.argv.includes('staging') ? 3 : 0);`,
    );
    const deploy = (stage: string) =>
      execFileSync(
        process.execPath,
        [
          '--import',
          'tsx',
          '-e',
          `
        process.argv[1] = ${JSON.stringify(command)};
        import(${JSON.stringify(pathToFileURL('infra/aws/service/broker-first.ts').href)}).then(({ deployBrokerFirst }) =>
          deployBrokerFirst(
            { serviceDir: ${JSON.stringify(directory)}, getProvider: () => ({ getStage: () => '${stage}', getRegion: () => 'eu-west-1' }) },
            { verbose: true },
          )).catch((error) => { console.error(error.message); process.exit(1); });`,
        ],
        { stdio: 'pipe', encoding: 'utf8' },
      );
    deploy('prod');
    expect(JSON.parse(readFileSync(join(directory, 'infra/broker/arguments.json'), 'utf8'))).toEqual([
      'deploy',
      '--stage',
      'prod',
      '--region',
      'eu-west-1',
      '--verbose',
    ]);
    expect(() => deploy('staging')).toThrow(
      /the broker stack \(infra\/broker\) was not deployed, so the functions were not deployed either/,
    );
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
