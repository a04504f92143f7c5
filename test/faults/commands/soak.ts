import { readArguments } from '../arguments.ts';
import { runRounds } from '../command.ts';
import { atRandom, startWith } from '../rounds.ts';
import { entry, Problem } from '../../../infra/dev/runtime/command-line.ts';
import { whyNoRabbitmq4 } from '../rabbitmq-4.ts';

const MESSAGES = 100_000;

/**
 * The command `npm run soak`, which injects random faults until 100,000 messages have been sent, or until the limit in
 * `--messages` or `--minutes` is reached.
 */
await entry(async () => {
  const options = readArguments(process.argv.slice(2), { messages: MESSAGES });
  const { seed, broker, minutes = Number.POSITIVE_INFINITY } = options;
  const reason = broker === '4' ? await whyNoRabbitmq4() : undefined;
  if (reason !== undefined) throw new Problem(`RabbitMQ 4 cannot run on this machine: ${reason}`);
  return runRounds('soak', seed, [{ round: atRandom({ ...options, minutes }, startWith(broker)) }]);
});
