import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';

import { rootDirectory } from '../../infra/dev/runtime/directories.ts';
import { tables } from '../../infra/tables.ts';
import { deadLetterQueue, queues } from '../../infra/topology.ts';
import { accountsQueue } from './accounts.ts';

interface Definition {
  handler: string;
  timeout?: number;
  memorySize?: number;
  access?: object;
  environment?: Record<string, string>;
  events?: unknown;
}

interface Template {
  custom: Record<string, unknown>;
  functions: Record<string, Definition>;
}

/**
 * The function definitions that replace the functions of the same names in serverless.yml. Faults can be injected into
 * the replacements.
 */
const replacements: Readonly<Record<string, Definition>> = {
  'reserve-stock': { handler: 'test/faults/functions/reserve-stock.handler', timeout: 15 },
  'award-points': { handler: 'test/faults/functions/award-points.handler', timeout: 6, memorySize: 160 },
  'archive-dead-letter': { handler: 'test/faults/functions/archive.handler', timeout: 15 },
};

const eventSource = {
  arn: 'arn:aws:mq:eu-central-1:000000000000:broker:local:b-00000000-0000-0000-0000-000000000000',
  basicAuthArn: 'arn:aws:secretsmanager:eu-central-1:000000000000:secret:local',
  virtualHost: '/',
  batchSize: 100,
  maximumBatchingWindow: 1,
};

/** The maximum batch size of the queue `accounts`. */
const LARGE_BATCH = 5_000;

export const limits = { heartbeatSeconds: 2, messageTimeLimitMs: 1_500, publishDeadlineMs: 5_000 } as const;

/** Writes to `directory` a Serverless project of the service, with consumers into which faults can be injected. */
export function writeProject(
  directory: string,
  {
    eventSourceUrl,
    environments,
    environment,
  }: { eventSourceUrl: string; environments: number; environment: Record<string, string> },
): void {
  mkdirSync(directory, { recursive: true });
  for (const name of ['functions', 'infra', 'lib', 'node_modules', 'package.json', 'test'])
    if (!existsSync(join(directory, name))) symlinkSync(join(rootDirectory, name), join(directory, name));
  const template = parse(readFileSync(join(rootDirectory, 'serverless.yml'), 'utf8'), { merge: true }) as Template;
  const settings = {
    HEARTBEAT_SECONDS: String(limits.heartbeatSeconds),
    MESSAGE_TIME_LIMIT_MS: String(limits.messageTimeLimitMs),
    PUBLISH_DEADLINE_MS: String(limits.publishDeadlineMs),
    ...environment,
  };
  for (const [name, definition] of Object.entries(template.functions))
    Object.assign(definition, replacements[name], { environment: { ...definition.environment, ...settings } });
  template.functions['keep-accounts'] = {
    handler: 'test/faults/functions/keep-accounts.handler',
    timeout: 30,
    memorySize: 1_024,
    access: { effects: [tables.awards.name] },
    environment: settings,
    events: [{ rabbitmq: { ...eventSource, queue: accountsQueue.name, batchSize: LARGE_BATCH } }],
  };
  const unordered = [...Object.values(queues).flatMap(({ shards }) => shards), deadLetterQueue];
  // The faults are not about throttling.
  delete template.custom.httpThrottle;
  template.custom.rabbitmqEventSource = {
    url: eventSourceUrl,
    concurrency: Object.fromEntries(unordered.map((queue) => [queue, environments])),
    ordered: [accountsQueue.name],
  };
  writeFileSync(join(directory, 'serverless.yml'), stringify(template, { aliasDuplicateObjects: false }));
}
