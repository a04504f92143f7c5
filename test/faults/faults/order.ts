import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import pMap from 'p-map';

import { accountEntered, accountsQueue, type AccountEntry } from '../accounts.ts';
import { steps } from '../functions/sabotage.ts';
import type { Fault, Lab } from '../lab.ts';
import { killOnce } from './functions.ts';

const ACCOUNTS = 8;
const ENTRIES = 40;
/** How long to wait between further messages of an account, in ms, so that a busy machine can keep up with them. */
const SLOW_MS = 3_000;

// At `start`, the batch is not yet recorded in DynamoDB, and its order is not guaranteed. There is no step `emit`.
const DEADLY_STEPS = steps.filter((each) => each !== 'start' && each !== 'emit');

/**
 * Publishes the `AccountEntry` messages of one account: at least `ENTRIES` messages, and more until `isOver` returns
 * true. Each message is published after the broker has confirmed the previous one.
 */
async function enterAll(
  { name, foreign, random, signal }: Lab,
  account: string,
  spanMs: number,
  isOver: () => boolean,
): Promise<void> {
  let after = 0;
  for (let number = 1; number <= ENTRIES || !isOver(); number += 1) {
    signal.throwIfAborted();
    const isPoison = random.chance(0.03);
    const entry: AccountEntry = {
      account: `${name}-${account}`,
      number,
      after,
      isPoison,
      fails: random.chance(0.1) ? random.between(1, 2) : 0,
    };
    await foreign.publish({
      id: randomUUID(),
      body: Buffer.from(JSON.stringify(entry)),
      isPoison,
      consumers: [accountsQueue.name],
      options: { type: accountEntered.type },
    });
    if (!isPoison) after = number;
    await sleep(number < ENTRIES ? spanMs / ENTRIES : SLOW_MS);
  }
}

const inOrder = (name: string, says: string, spanMs: number, disturb: (lab: Lab) => Promise<void>): Fault => ({
  name,
  where: 'order',
  says,
  spanMs,
  weight: 0.5,
  recoverWithinMs: 60_000,
  async inject(lab) {
    let isOver = false;
    // On a slow machine, the disturbance takes longer than `spanMs`, and needs messages until its end.
    const disturbed = disturb(lab).finally(() => (isOver = true));
    const accounts = Array.from({ length: ACCOUNTS }, (_, index) => enterAll(lab, String(index), spanMs, () => isOver));
    await Promise.all([...accounts, disturbed]);
  },
});

// So many that their names exceed the size limit of a DynamoDB item.
const LARGE_ACCOUNTS = 1_700;
const LONG_NAME = 250;

/**
 * Publishes the first `AccountEntry` message of each of `LARGE_ACCOUNTS` accounts, and then the second message of each
 * account.
 */
async function enterInMany({ name, foreign, random, signal }: Lab): Promise<void> {
  for (const number of [1, 2]) {
    const entries = Array.from({ length: LARGE_ACCOUNTS }, (_, index): AccountEntry => {
      const account = `${name}-${index}-`.padEnd(LONG_NAME, 'x');
      return { account, number, after: number - 1, isPoison: false, fails: random.chance(0.02) ? 1 : 0 };
    });
    await pMap(
      entries,
      (entry) =>
        foreign.publish({
          id: randomUUID(),
          body: Buffer.from(JSON.stringify(entry)),
          isPoison: false,
          consumers: [accountsQueue.name],
          options: { type: accountEntered.type },
        }),
      { concurrency: 200, signal },
    );
  }
}

/**
 * The faults that test whether an ordered queue keeps the order of each account's messages even if some of them fail.
 */
export const orderFaults: readonly Fault[] = [
  inOrder(
    'order-with-failures',
    'some account entries fail and block only the following entries of the same account',
    3_000,
    async () => {},
  ),
  inOrder(
    'order-with-kills',
    'some account entries fail, and the consumer process is killed before and after each later step of processing a batch',
    20_000,
    async (lab) => {
      for (const step of DEADLY_STEPS)
        for (const side of ['before', 'after'] as const) {
          const wasKilled = await killOnce(lab, { queue: accountsQueue.name, step, side });
          if (!wasKilled) lab.violated(`no batch of account entries reached the point ${side} the step ${step}`);
          // A successful batch in between resets the event source's backoff.
          await sleep(500, undefined, { signal: lab.signal });
        }
    },
  ),
  inOrder(
    'order-with-resets',
    'some account entries fail, and the event source repeatedly loses its connection to the broker',
    8_000,
    async (lab) => {
      for (let round = 0; round < 8; round += 1) {
        lab.system.consuming.reset();
        await sleep(1_000, undefined, { signal: lab.signal });
      }
    },
  ),
  {
    name: 'large-ordered-batch',
    where: 'order',
    says: `two entries for each of ${LARGE_ACCOUNTS} accounts arrive in a few batches, and the consumer process is killed during three of these batches`,
    spanMs: 5_000,
    weight: 0.3,
    recoverWithinMs: 120_000,
    async inject(lab) {
      // The messages collect in the queue while the proxy holds back all data, and are then delivered as one batch.
      const open = lab.system.consuming.inject({ isPartition: true });
      try {
        await enterInMany(lab);
      } finally {
        open();
      }
      for (const step of ['decide', 'commit', 'note'] as const)
        await killOnce(lab, { queue: accountsQueue.name, step, side: 'after' });
    },
  },
];
