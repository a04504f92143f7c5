import { setTimeout as sleep } from 'node:timers/promises';

import { exchanges, queues } from '../../../infra/topology.ts';
import { declareTopology } from '../../../lib/rabbitmq/topology/declare.ts';
import { faultsTopology } from '../accounts.ts';
import type { Fault, Lab } from '../lab.ts';
import { VHOST } from '../management.ts';
import type { System } from '../system.ts';

const noControl = ({ broker }: System) =>
  broker.control ? undefined : `rabbitmqctl of ${broker.describe} cannot be reached from here`;

const alarm = (name: string, says: string, raise: readonly string[], lower: readonly string[]): Fault => ({
  name,
  where: 'broker',
  says,
  spanMs: 9_000,
  isMixable: true,
  cannot: noControl,
  async inject({ system, signal }) {
    const control = system.broker.control!;
    await control(...raise);
    try {
      await sleep(6_000, undefined, { signal });
    } finally {
      await control(...lower);
    }
  },
});

/** Creates a fault that deletes queues or exchanges of the topology, and restores them after a few seconds. */
const missing = (name: string, says: string, take: (lab: Lab) => Promise<unknown>): Fault => ({
  name,
  where: 'broker',
  says,
  spanMs: 6_000,
  async inject(lab) {
    await take(lab);
    try {
      await sleep(4_000, undefined, { signal: lab.signal });
    } finally {
      // Bindings are restored one by one, and messages published meanwhile reach only the queues that are already bound.
      const open = lab.system.publishing.inject({ isPartition: true });
      await sleep(200);
      await declareTopology(lab.system.operatorUrl, faultsTopology);
      open();
    }
  },
});

export const brokerFaults: readonly Fault[] = [
  {
    name: 'broker-killed',
    where: 'broker',
    says: 'the broker is killed with SIGKILL twice and restarted with the same data',
    spanMs: 16_000,
    async inject(lab) {
      for (let round = 0; round < 2; round += 1) {
        await lab.system.broker.kill();
        await lab.system.broker.restart();
        await lab.recover();
      }
    },
  },
  alarm(
    'memory-alarm',
    'the broker raises its memory alarm and blocks publishers',
    ['set_vm_memory_high_watermark', 'absolute', '1'],
    ['set_vm_memory_high_watermark', '0.4'],
  ),
  alarm(
    'disk-alarm',
    'the broker raises its disk alarm and blocks publishers',
    ['set_disk_free_limit', '100000GB'],
    ['set_disk_free_limit', '50MB'],
  ),
  {
    name: 'queue-full',
    where: 'broker',
    says: 'a work queue is limited to a few messages and refuses all further messages',
    spanMs: 7_000,
    async inject({ system, signal, random }) {
      const queue = random.pick(Object.values(queues)).name;
      const policy = `policies/${VHOST}/faults-full`;
      await system.management.request('PUT', policy, {
        pattern: `^${queue}$`,
        definition: { 'max-length': 2 },
        'apply-to': 'queues',
        priority: 100,
      });
      try {
        await sleep(5_000, undefined, { signal });
      } finally {
        await system.management.request('DELETE', policy);
      }
    },
  },
  missing('queue-missing', 'both work queues are deleted until the topology is applied again', async (lab) => {
    const { management, publishing } = lab.system;
    // Publishing stops until the queues are empty, because deleting a queue deletes its messages.
    const open = publishing.inject({ isPartition: true });
    await sleep(200);
    for (const { name } of Object.values(queues))
      await management.request('DELETE', `bindings/${VHOST}/e/${exchanges.orders}/q/${name}/order.created`);
    open();
    await lab.quiet();
    while ((await management.messages()) > 0) await sleep(200, undefined, { signal: lab.signal });
    for (const { name } of Object.values(queues)) await management.request('DELETE', `queues/${VHOST}/${name}`);
  }),
  missing('exchange-missing', 'the exchange for orders is deleted until the topology is applied again', (lab) =>
    lab.system.management.request('DELETE', `exchanges/${VHOST}/${exchanges.orders}`),
  ),
  missing(
    'dead-letter-exchange-missing',
    'the exchange for dead letters is deleted until the topology is applied again',
    (lab) => lab.system.management.request('DELETE', `exchanges/${VHOST}/${exchanges.deadLetters}`),
  ),
  missing(
    'delay-queue-missing',
    'the exchange of a delay queue is deleted until the topology is applied again',
    (lab) => lab.system.management.request('DELETE', `exchanges/${VHOST}/${lab.random.pick(queues.stock.delays).name}`),
  ),
  {
    name: 'wrong-password',
    where: 'broker',
    says: 'the broker password of the service is changed, every connection is closed, and the password is restored after a few seconds',
    spanMs: 7_000,
    async inject({ system, signal }) {
      const { username, password } = new URL(system.broker.amqpUrl);
      const user = `users/${username}`;
      const tags = 'administrator';
      await system.management.request('PUT', user, { password: 'another', tags });
      try {
        system.publishing.reset();
        system.consuming.reset();
        await sleep(4_000, undefined, { signal });
      } finally {
        await system.management.request('PUT', user, { password, tags });
      }
    },
  },
];
