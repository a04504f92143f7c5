import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';

import { localDirectory } from '../../infra/dev/runtime/directories.ts';
import type { Ledger } from './ledger.ts';
import type { Outcome } from './run-fault.ts';
import type { System } from './system.ts';

/**
 * Saves the seed, the affected messages and the log files when an invariant is violated. Returns the path of the folder
 * with these files.
 */
export function keepEvidence(
  { fault, violations, audited, tookMs }: Outcome,
  about: { system: System; ledger: Ledger; directory: string; seed: number; versions: string },
): string {
  const { system, ledger, directory, seed, versions } = about;
  const folder = join(localDirectory, 'faults', `${new Date().toISOString().replaceAll(':', '-')}-${fault.name}`);
  mkdirSync(folder, { recursive: true });
  const guilty = new Set(Object.values(violations).flatMap((ids) => ids.map((line) => line.split(' ')[0])));
  const write = (name: string, value: unknown) => writeFileSync(join(folder, name), JSON.stringify(value, null, 2));
  write('violations.json', {
    fault: fault.name,
    says: fault.says,
    seed,
    versions,
    tookMs,
    recovery: audited.recovery,
    violations,
  });
  write(
    'accounts.json',
    audited.accounts.filter(({ id }) => guilty.has(id)),
  );
  write('sent.json', {
    orders: ledger.orders.filter(({ id }) => guilty.has(id)),
    messages: ledger.messages.filter(({ id }) => id !== undefined && guilty.has(id)),
  });
  const logs = [
    system.logFile,
    `${system.logFile}.1`,
    join(directory, 'rabbitmq', 'rabbitmq.log'),
    join(directory, 'rabbitmq', 'rabbitmq.log.1'),
    join(directory, 'dynamodb', 'dynamodb.log'),
    system.killsFile,
  ];
  for (const log of logs) if (existsSync(log)) copyFileSync(log, join(folder, basename(log)));
  return folder;
}
