import { setTimeout as sleep } from 'node:timers/promises';

import type { AckFate, BrokerProxy, NetworkFault } from '../broker-proxy.ts';
import { orderIdOf, post } from '../client.ts';
import type { Fault, Lab } from '../lab.ts';
import { canLosePackets, openLossyLink } from '../lossy-link.ts';
import { limits } from '../project.ts';

const waysOf = ({ system }: Lab): BrokerProxy[] => [system.publishing, system.consuming];

async function during(ms: number, lab: Lab, ways: readonly BrokerProxy[], fault: NetworkFault): Promise<void> {
  const ends = ways.map((way) => way.inject(fault));
  try {
    await sleep(ms, undefined, { signal: lab.signal });
  } finally {
    for (const end of ends) end();
  }
}

const lostConfirms = (name: string, says: string, fate: AckFate, chance: number): Fault => ({
  name,
  where: 'network',
  says,
  spanMs: 6_000,
  isMixable: true,
  inject: (lab) =>
    during(5_000, lab, [lab.system.publishing], {
      onConfirm: () => (lab.random.chance(chance) ? fate : 'pass'),
    }),
});

const partition = (seconds: number): Fault => ({
  name: `partition-${seconds}s`,
  where: 'network',
  says: `no data passes between the broker and its clients for ${seconds} s`,
  spanMs: seconds * 1_000 + 3_000,
  isMixable: seconds <= 10,
  inject: (lab) => during(seconds * 1_000, lab, waysOf(lab), { isPartition: true }),
});

/** How long TCP waits before it retransmits a lost packet for the first time, in ms. */
const FIRST_RESEND_MS = 200;

function resendDelay(lab: Lab, loss: number): number {
  let delayMs = 0;
  for (let resendMs = FIRST_RESEND_MS; lab.random.chance(loss) && resendMs < 3_000; resendMs *= 2) delayMs += resendMs;
  return delayMs;
}

export const networkFaults: readonly Fault[] = [
  lostConfirms(
    'reset-before-confirm',
    'the connection of the publisher is reset before a publisher confirm arrives',
    'reset-before',
    0.1,
  ),
  lostConfirms(
    'reset-after-confirm',
    'the connection of the publisher is reset right after a publisher confirm',
    'reset-after',
    0.1,
  ),
  lostConfirms('confirm-lost', 'publisher confirms are lost although the connection stays open', 'drop', 0.03),
  {
    name: 'frozen-socket',
    where: 'network',
    says: 'all data on the open connections to the broker is discarded without an error',
    spanMs: 8_000,
    isMixable: true,
    async inject(lab) {
      for (let round = 0; round < 3; round += 1) {
        for (const way of waysOf(lab)) way.freeze();
        await sleep(2_500, undefined, { signal: lab.signal });
      }
    },
  },
  {
    name: 'thawed-environment',
    where: 'network',
    says: 'the functions are frozen until the broker closes their connections; then they continue, and the next order must be accepted',
    spanMs: 6_000,
    async inject(lab) {
      const group = -lab.system.service().pid;
      // Lambda freezes idle environments only, so the current requests must end first.
      await lab.quiet();
      const [first] = await lab.plan(1, {});
      process.kill(group, 'SIGSTOP');
      try {
        await sleep(limits.heartbeatSeconds * 3_000 + 1_000, undefined, { signal: lab.signal });
      } finally {
        process.kill(group, 'SIGCONT');
      }
      const id = orderIdOf(first!);
      const { answer, status } = await post(lab.system.url, first!, id);
      lab.ledger.orders.push({ fault: lab.name, order: first!, id, answer });
      if (answer !== 'accepted')
        lab.violated(`the first order after the functions continued was answered ${status ?? 'not at all'}`);
    },
  },
  {
    name: 'latency',
    where: 'network',
    says: 'all data to and from the broker is delayed by 50 to 250 ms',
    spanMs: 7_000,
    isMixable: true,
    inject: (lab) => during(6_000, lab, waysOf(lab), { delayMs: () => lab.random.between(50, 250) }),
  },
  {
    name: 'packet-loss',
    where: 'network',
    says: 'iptables drops half of all packets between the broker and its clients; without iptables, a proxy delays data as if packets were lost',
    spanMs: 9_000,
    isMixable: true,
    async inject(lab) {
      if (!(await canLosePackets())) return during(8_000, lab, waysOf(lab), { delayMs: () => resendDelay(lab, 0.5) });
      lab.say('iptables drops network packets between the broker and its clients');
      const link = await openLossyLink(lab.system.brokerAddress, 0.5);
      const ends = waysOf(lab).map((way) => way.reroute([link.upstream]));
      try {
        for (const way of waysOf(lab)) way.reset();
        await sleep(8_000, undefined, { signal: lab.signal });
      } finally {
        for (const end of ends) end();
        for (const way of waysOf(lab)) way.reset();
        await link.close();
      }
    },
  },
  partition(10),
  partition(30),
];
