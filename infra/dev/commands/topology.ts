import { parseArgs } from 'node:util';

import { describeStep } from '../../../lib/rabbitmq/topology/describe-plan.ts';
import type { BrokerAccess } from '../../../lib/rabbitmq/admin/broker-access.ts';
import { applyTopology, readPlan } from '../../../lib/rabbitmq/topology/apply.ts';
import { topology } from '../../topology.ts';
import { say } from '../runtime/console.ts';
import { entry } from '../runtime/entry.ts';
import { faultsOf, reach } from '../runtime/broker/prepare.ts';
import { Problem } from '../runtime/problem.ts';

const USAGE = `npm run topology -- plan|apply|verify --url amqps://user:password@host:5671/vhost [--management https://host]
  plan    shows what apply would do, as a diff, and changes nothing
  apply   makes what is missing; deletes no queue and no message
  verify  names every setting by which messages would be lost
AMQP_URL and MANAGEMENT_URL stand in for the options: a password on the command line can be seen by other users of the machine`;

/** Each command, and its exit code: not 0 where something stands in the way or messages would be lost. */
const commands: Readonly<Record<string, (broker: BrokerAccess) => Promise<number>>> = {
  async plan(broker) {
    const steps = await readPlan(broker, topology);
    print(steps.map(describeStep));
    const changes = steps.filter((step) => step.do !== 'keep');
    say(changes.length === 0 ? 'the broker has it all' : `${changes.length} differences`);
    return steps.some((step) => step.do === 'refuse') ? 1 : 0;
  },
  async apply(broker) {
    const steps = await applyTopology(broker, topology);
    print(steps.map(describeStep));
    say('topology is in place');
    return verify(broker);
  },
  verify,
};

async function verify(broker: BrokerAccess): Promise<number> {
  const faults = await faultsOf(broker);
  print(faults.map((fault) => `! ${fault}`));
  say(faults.length === 0 ? 'no setting loses messages' : `${faults.length} settings would lose messages`);
  return faults.length === 0 ? 0 : 1;
}

function print(lines: readonly string[]): void {
  for (const line of lines) process.stdout.write(`${line}\n`);
}

await entry(async () => {
  const { command, url, management } = read(process.argv.slice(2));
  return command(reach(url, management));
});

function read(args: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { url: { type: 'string' }, management: { type: 'string' } },
      allowPositionals: true,
    });
    const url = values.url ?? process.env['AMQP_URL'];
    const command = positionals.length === 1 ? commands[positionals[0]!] : undefined;
    if (!command) throw new Error('expected plan, apply or verify');
    if (!url || !/^amqps?:$/.test(URL.canParse(url) ? new URL(url).protocol : ''))
      throw new Error('--url must be an address like amqps://user:password@host:5671');
    return { command, url, management: values.management ?? process.env['MANAGEMENT_URL'] };
  } catch (error) {
    throw new Problem(`${(error as Error).message}\n${USAGE}`, { exitCode: 2 });
  }
}
