import { parseArgs } from 'node:util';
import type { BrokerAccess } from 'surehop/management';
import { applyTopology, planLine, readDiff, removeRetiredQueue } from 'surehop/topology-changes';

import { topology } from '../../topology.ts';
import { entry, Problem, say } from '../runtime/command-line.ts';
import { faultsOf, reach } from '../runtime/broker/prepare.ts';

const USAGE = `npm run topology -- plan|apply|verify|remove QUEUE --url amqps://user:password@host:5671/vhost [--management https://host]
  plan          shows what apply would change, and changes nothing
  apply         creates and changes what differs; deletes no queue and no message
  verify        names every setting through which messages can be lost
  remove QUEUE  deletes a queue that the topology no longer uses, if it holds no message
The environment variables AMQP_URL and MANAGEMENT_URL replace the options: other users of the machine can see a password on the command line`;

interface Command {
  /** The number of queue names that a subcommand of `npm run topology` expects as arguments. */
  readonly queues: 0 | 1;
  /** Runs the subcommand and returns the exit code, which is 1 if an operator must change something on the broker. */
  run(broker: BrokerAccess, queue: string): Promise<number>;
}

const commands: Readonly<Record<string, Command>> = {
  plan: {
    queues: 0,
    async run(broker) {
      const differences = await readDiff(broker, topology);
      print(differences.map(planLine));
      const count = differences.filter(({ fix }) => fix.by !== 'nobody').length;
      say(count === 0 ? 'No changes' : `${count} differences`);
      return differences.some(({ fix }) => fix.by === 'operator') ? 1 : 0;
    },
  },
  apply: {
    queues: 0,
    async run(broker) {
      print((await applyTopology(broker, topology)).map(planLine));
      say('Topology applied');
      return verify(broker);
    },
  },
  verify: { queues: 0, run: verify },
  remove: {
    queues: 1,
    async run(broker, queue) {
      say(`Checking that queue "${queue}" stays empty for ten seconds`);
      await removeRetiredQueue(broker, topology, queue);
      say(`Queue "${queue}" removed`);
      return 0;
    },
  },
};

async function verify(broker: BrokerAccess): Promise<number> {
  const faults = await faultsOf(broker);
  print(faults.map((fault) => `! ${fault}`));
  say(faults.length === 0 ? 'No setting loses messages' : `${faults.length} settings can lose messages`);
  return faults.length === 0 ? 0 : 1;
}

function print(lines: readonly string[]): void {
  for (const line of lines) process.stdout.write(`${line}\n`);
}

await entry(async () => {
  const { command, queue, url, management } = read(process.argv.slice(2));
  return command.run(reach(url, management), queue);
});

function read(args: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { url: { type: 'string' }, management: { type: 'string' } },
      allowPositionals: true,
    });
    const url = values.url ?? process.env['AMQP_URL'];
    const [name = '', queue = '', ...more] = positionals;
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
    if (!command) throw new Error('expected plan, apply, verify or remove');
    if (more.length > 0 || (queue !== '') !== (command.queues === 1))
      throw new Error(`${name} takes ${command.queues === 1 ? 'the name of one queue' : 'no further words'}`);
    if (!url || !/^amqps?:$/.test(URL.canParse(url) ? new URL(url).protocol : ''))
      throw new Error('--url must be an address like amqps://user:password@host:5671');
    return { command, queue, url, management: values.management ?? process.env['MANAGEMENT_URL'] };
  } catch (error) {
    throw new Problem(`${(error as Error).message}\n${USAGE}`, { exitCode: 2 });
  }
}
