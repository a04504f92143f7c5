import { join } from 'node:path';

import { startCluster, type Cluster } from './cluster.ts';
import type { Say } from '../../infra/dev/runtime/command-line.ts';
import { localDirectory } from '../../infra/dev/runtime/directories.ts';
import { readSettings } from '../../infra/dev/runtime/settings.ts';
import { faults } from './faults/all.ts';
import { clusterFaults } from './faults/cluster.ts';
import { mixed } from './faults/mixed.ts';
import type { Fault } from './lab.ts';
import { seeded } from './random.ts';
import type { Round } from './run.ts';
import { startSystem, type System } from './system.ts';

type Start = (directory: string, say: Say) => Promise<System>;

const MIXED_FAULTS = 6;

/**
 * Returns a function that starts the test system, either with the broker that `npm start` uses (`default`), or with one
 * node of RabbitMQ 4 (`4`).
 */
export const startWith =
  (broker: 'default' | '4'): Start =>
  async (directory, say) =>
    broker === 'default'
      ? startSystem({ directory, say })
      : startOnCluster(await startNodes(1, directory, say), directory, say);

const startNodes = (size: number, directory: string, say: Say): Promise<Cluster> => {
  const { cacheDirectory } = readSettings(process.env, localDirectory);
  return startCluster({ size, dataDirectory: join(directory, 'rabbitmq'), cacheDirectory, say });
};

const startOnCluster = ({ broker, nodes }: Cluster, directory: string, say: Say): Promise<System> =>
  startSystem({
    directory,
    broker,
    upstreams: nodes.map(({ amqpUrl }) => ({ host: '127.0.0.1', port: Number(new URL(amqpUrl).port) })),
    managementUrls: nodes.map(({ managementUrl }) => managementUrl),
    say,
  });

/**
 * Returns every fault that needs only one broker node, and one additional fault that combines several of these faults.
 */
export const singleFaults = (seed: number): Fault[] => [
  ...faults,
  mixed('mixed', faults, MIXED_FAULTS, seeded(seed).fork('mixed')),
];

const weightOf = ({ weight = 1 }: Fault) => weight;

/** Creates one round per test system. The rounds together inject each of the `chosen` faults once. */
export function onceEach(name: string, chosen: readonly Fault[], messages: number, start: Start, systems = 1): Round[] {
  const weight = chosen.reduce((sum, fault) => sum + weightOf(fault), 0);
  const left = [...chosen];
  const round: Round = {
    name,
    start,
    next() {
      const fault = left.shift();
      return fault && { fault, messages: Math.ceil((messages * weightOf(fault)) / weight) };
    },
  };
  return Array.from({ length: Math.min(systems, chosen.length) }, () => round);
}

/** Creates a round that injects each of the selected cluster faults once, in a cluster of three nodes. */
export function onThreeNodes(only: readonly string[], messagesPerFault: number): Round[] {
  let cluster: Cluster | undefined;
  const chosen = chosenOf(
    clusterFaults(() => cluster!),
    only,
  );
  const start: Start = async (directory, say) => {
    cluster = await startNodes(3, directory, say);
    return startOnCluster(cluster, directory, say);
  };
  return onceEach('three nodes', chosen, messagesPerFault * chosen.length, start);
}

/** Describes how much of a run of random faults is done, and when the run is likely to end. */
export function progressLine(run: {
  readonly drawn: number;
  readonly sent: number;
  readonly messages: number;
  readonly tookMinutes: number;
  readonly minutes: number;
  readonly now: Date;
}): string {
  const { drawn, sent, messages, tookMinutes, minutes, now } = run;
  const share = Math.min(Math.max(sent / messages, tookMinutes / minutes), 1);
  const leftMinutes = share > 0 ? (tookMinutes / share) * (1 - share) : 0;
  const end = new Date(now.getTime() + leftMinutes * 60_000);
  const whole = (value: number) => Math.round(value).toLocaleString('en-US');
  return (
    `${drawn} ${drawn === 1 ? 'fault' : 'faults'}, ${whole(sent)} of ${whole(messages)} messages, ${tookMinutes.toFixed(1)} minutes: ` +
    `${Math.round(share * 100)} %, expected to end in ${leftMinutes.toFixed(0)} minutes, at ${end.toTimeString().slice(0, 5)}`
  );
}

/**
 * Creates a round of the fault tests, which injects randomly chosen faults until `messages` messages have been sent or
 * `minutes` minutes have passed.
 */
export function atRandom(
  { seed, only, messages, minutes }: { seed: number; only: readonly string[]; messages: number; minutes: number },
  start: Start,
): Round {
  const random = seeded(seed).fork('soak');
  const chosen = chosenOf(faults, only);
  const startedMs = performance.now();
  let drawn = 0;
  return {
    name: 'drawn at random',
    start,
    next(sentSoFar) {
      if (sentSoFar >= messages || performance.now() - startedMs > minutes * 60_000) return undefined;
      drawn += 1;
      const fault = random.chance(0.2)
        ? { ...mixed('mixed', chosen, MIXED_FAULTS, random), environments: random.pick([1, 2, 4]) }
        : random.pick(chosen);
      // Each repetition of a fault gets its own name, because the name identifies its orders.
      return { fault: { ...fault, name: `${drawn}-${fault.name}` }, messages: random.between(200, 600) };
    },
    progress(sentSoFar) {
      const tookMinutes = (performance.now() - startedMs) / 60_000;
      return progressLine({ drawn, sent: sentSoFar, messages, tookMinutes, minutes, now: new Date() });
    },
  };
}

/**
 * Selects faults by their name, by a part of their name, or by their group. If `only` is empty, all faults are
 * selected.
 */
export const chosenOf = (all: readonly Fault[], only: readonly string[]): Fault[] =>
  all.filter(
    ({ name, where }) => only.length === 0 || only.some((wanted) => name.includes(wanted) || where === wanted),
  );
