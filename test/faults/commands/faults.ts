import { readArguments } from '../arguments.ts';
import { runRounds, SIDE_BY_SIDE, type Planned } from '../command.ts';
import { held } from '../hold.ts';
import { atRandom, chosenOf, onceEach, onThreeNodes, singleFaults, startWith } from '../rounds.ts';
import { entry, Problem, say } from '../../../infra/dev/runtime/command-line.ts';
import { whyNoRabbitmq4 } from '../rabbitmq-4.ts';

const MESSAGES = 10_000;
const CLUSTER_MESSAGES = 250;

/**
 * The command `npm run faults`, which injects every fault once, or random faults for the time in `--minutes`. With
 * `--hold`, it injects one fault and then keeps the test system running.
 */
await entry(async () => {
  const options = readArguments(process.argv.slice(2), { messages: MESSAGES });
  const { seed, only, messages, minutes, hold, broker } = options;
  const reason = await whyNoRabbitmq4();
  if (broker === '4' && reason !== undefined) throw new Problem(`RabbitMQ 4 cannot run on this machine: ${reason}`);
  if (minutes !== undefined)
    return runRounds('faults', seed, [{ round: atRandom({ ...options, minutes }, startWith(broker)) }]);

  const chosen = chosenOf(singleFaults(seed), only);
  if (hold) {
    const [fault, ...more] = chosen;
    if (fault === undefined || more.length > 0 || broker === '4')
      throw new Problem('--hold needs --only with the name of exactly one fault, and does not work with --broker 4', {
        exitCode: 2,
      });
    return runRounds('faults', seed, [{ round: held(fault, messages, say) }]);
  }
  const clusterShare = Math.ceil(CLUSTER_MESSAGES * Math.min(1, messages / MESSAGES));
  const cluster = onThreeNodes(only, clusterShare);
  if (chosen.length + cluster.length === 0) {
    const known = singleFaults(seed).map(({ name }) => name);
    const [wantedFaults, knownFaults] = [only.join(' or '), known.join(', ')];
    throw new Problem(`there is no fault with the name ${wantedFaults}; the faults are ${knownFaults}`, {
      exitCode: 2,
    });
  }
  return runRounds('faults', seed, [
    ...cluster.map((round): Planned => (reason === undefined ? { round } : { name: 'three nodes', reason })),
    ...onceEach('one broker', chosen, messages, startWith(broker), SIDE_BY_SIDE).map((round) => ({ round })),
  ]);
});
