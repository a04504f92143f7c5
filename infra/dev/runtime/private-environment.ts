import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Say } from './command-line.ts';
import { startDevEnvironment, type DevEnvironment } from './dev-environment.ts';
import { localDirectory } from './directories.ts';
import { freePorts } from './ports.ts';
import { readSettings } from './settings.ts';

/**
 * Starts a development environment with a broker and a DynamoDB of its own, even if AMQP_URL or DYNAMODB_ENDPOINT is
 * set. The data are kept in a temporary directory until the environment stops.
 */
export async function startPrivateEnvironment(say: Say = () => {}): Promise<DevEnvironment> {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'surehop-private-'));
  const remove = () => rmSync(dataDirectory, { recursive: true, force: true });
  process.once('exit', remove);
  const [httpPort] = await freePorts(1);
  const settings = {
    ...readSettings(process.env, localDirectory),
    httpPort: httpPort!,
    amqpUrl: undefined,
    dynamodbEndpoint: undefined,
    tablePrefix: undefined,
  };
  const options = { settings, dataDirectory, keepData: true, watch: false, say, output: () => {} };
  const environment = await startDevEnvironment(options);
  const stop = async () => {
    await environment.stop();
    remove();
    process.off('exit', remove);
  };
  return { ...environment, stop };
}
