import type { BrokerAccess } from 'surehop/management';
import type { Topology } from 'surehop/topology';
import { applyTopology, planLine, readDiff, removeRetiredQueue } from 'surehop/topology/changes';

import { faultsOf, reach } from '../runtime/broker/prepare.ts';
import { say } from '../runtime/command-line.ts';
import { runningIfAny } from '../runtime/running.ts';
import { counted, defineCommand, print, UsageError } from './command.ts';

interface Subcommand {
  /** The number of queue names that a subcommand of `surehop topology` expects. */
  readonly queues: 0 | 1;
  /**
   * Runs a subcommand of `surehop topology`. Returns the exit code, which is 1 if an operator must change something on
   * the broker.
   */
  run(broker: BrokerAccess, wanted: Topology, queue: string): Promise<number>;
}

const subcommands: Readonly<Record<string, Subcommand>> = {
  plan: {
    queues: 0,
    async run(broker, wanted) {
      const differences = await readDiff(broker, wanted);
      printLines(differences.map(planLine));
      const count = differences.filter(({ fix }) => fix.by !== 'nobody').length;
      say(count === 0 ? 'No changes' : `${count} differences`);
      return differences.some(({ fix }) => fix.by === 'operator') ? 1 : 0;
    },
  },
  apply: {
    queues: 0,
    async run(broker, wanted) {
      printLines((await applyTopology(broker, wanted)).map(planLine));
      say('Topology applied');
      return verify(broker, wanted);
    },
  },
  verify: { queues: 0, run: verify },
  remove: {
    queues: 1,
    async run(broker, wanted, queue) {
      say(`Checking for ten seconds that the queue "${queue}" stays empty`);
      await removeRetiredQueue(broker, wanted, queue);
      say(`The queue "${queue}" was removed`);
      return 0;
    },
  },
};

export const command = defineCommand({
  usage: [
    'plan    [--url URL] [--management URL]',
    'apply   [--url URL] [--management URL]',
    'verify  [--url URL] [--management URL]',
    'remove QUEUE [--url URL] [--management URL]',
  ],
  details: [
    `  plan          shows what apply would change, and changes nothing
  apply         creates and changes what differs; deletes no queue and no message
  verify        names every setting through which messages can be lost
  remove QUEUE  deletes a queue that the topology no longer uses, if it holds no message`,
    'Without --url, the command uses the environment variables AMQP_URL and MANAGEMENT_URL, which other users of the machine cannot see. If AMQP_URL is not set, the command uses the broker of the running npm start.',
  ],
  options: {
    url: { type: 'string', value: 'URL', meaning: 'the broker, such as amqps://user:password@host:5671/vhost' },
    management: { type: 'string', value: 'URL', meaning: 'the management API of the broker, such as https://host' },
  },
  needs: 'definitions',
  async run({ words: [name = '', queue = '', ...more], options }) {
    const subcommand = Object.hasOwn(subcommands, name) ? subcommands[name] : undefined;
    if (!subcommand) throw new UsageError('surehop topology needs a subcommand: plan, apply, verify or remove');
    if (more.length > 0 || (queue !== '') !== (subcommand.queues === 1)) {
      const allowedArguments = subcommand.queues === 1 ? 'the name of one queue' : 'no arguments';
      const given = [queue, ...more].filter((word) => word !== '').length;
      throw new UsageError(
        `surehop topology ${name} expects ${allowedArguments}, but got ${counted(given, 'argument')}`,
      );
    }
    const broker = brokerOf(options);
    const { topology: wanted } = await import('serverless-surehop/definitions');
    return subcommand.run(broker, wanted, queue);
  },
});

async function verify(broker: BrokerAccess, wanted: Topology): Promise<number> {
  const faults = await faultsOf(broker, wanted);
  printLines(faults.map((fault) => `! ${fault}`));
  say(faults.length === 0 ? 'No setting loses messages' : `${faults.length} settings can lose messages`);
  return faults.length === 0 ? 0 : 1;
}

function brokerOf({ url, management }: { url?: string; management?: string }): BrokerAccess {
  const given = url ?? (process.env['AMQP_URL'] || undefined);
  const running = given === undefined ? runningIfAny() : undefined;
  const amqpUrl = given ?? running?.amqpUrl;
  if (amqpUrl === undefined)
    throw new UsageError(
      'surehop topology finds no broker, because npm start is not running in this project; pass --url amqps://user:password@host:5671, or set AMQP_URL',
    );
  if (!/^amqps?:$/.test(URL.canParse(amqpUrl) ? new URL(amqpUrl).protocol : ''))
    throw new UsageError('--url must be an address like amqps://user:password@host:5671');
  return reach(amqpUrl, management ?? (process.env['MANAGEMENT_URL'] || undefined) ?? running?.managementUrl);
}

function printLines(lines: readonly string[]): void {
  for (const line of lines) print(line);
}
