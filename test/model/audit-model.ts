import type { MessageId } from '../../lib/events/message-id.ts';
import type { Account, AuditResult, End } from './invariants.ts';
import { readEnvelope } from '../../lib/events/envelope.ts';
import { idOf, type MemoryBroker } from '../../lib/testing/memory-broker.ts';
import type { MemoryStore } from '../../lib/testing/memory-store.ts';
import type { ModelMessage } from './model-message.ts';

/**
 * After a simulated run of a consumer, compares the messages that were sent with the contents of the in-memory store
 * and broker.
 */
export function auditModel({
  messages,
  store,
  broker,
  order,
  queueName,
}: {
  messages: readonly ModelMessage[];
  store: MemoryStore;
  broker: MemoryBroker;
  order: readonly (readonly MessageId[])[];
  queueName: string;
}): AuditResult {
  // A dead letter that is published again has the same dead-letter id.
  const deadLetters = new Map(
    broker.deadLetters.map((message) => [readEnvelope(message.properties.headers).deadLetter?.id, idOf(message)]),
  );
  const emitted = new Set(broker.events.map(idOf));
  const sent = messages.map(({ id, isPoison, endsEitherWay, due }): Account => {
    const state = store.markers.get(id)?.state;
    const parked = [...deadLetters.values()].filter((letter) => letter === id).map((): End => 'dead-lettered');
    return {
      id,
      isPoison,
      endsEitherWay,
      due,
      consumer: queueName,
      answer: 'accepted',
      ends: [...(state === 'completed' || state === 'rejected' ? [state] : []), ...parked],
      applied: store.commits.filter((commit) => commit.id === id && commit.effects.length > 0).length,
    };
  });
  const followed = [...store.markers.values()].flatMap((marker): Account[] =>
    marker.state === 'completed' || marker.state === 'rejected'
      ? marker.events.map(({ id }) => ({
          id,
          consumer: 'whoever follows',
          answer: 'accepted',
          isPoison: false,
          due: 0,
          applied: 0,
          ends: emitted.has(id) ? ['completed'] : [],
        }))
      : [],
  );
  const known = new Set<string>(messages.map(({ id }) => id));
  return {
    accounts: [...sent, ...followed],
    sums: [],
    unexpected: [...store.markers.keys(), ...[...deadLetters.values()].map(String)].filter((id) => !known.has(id)),
    waiting: 0,
    outOfOrder: order.flatMap((ids) => {
      const done = store.commits.map(({ id }) => ids.indexOf(id)).filter((place) => place >= 0);
      const isWrong = done.some((place, index) => index > 0 && place < done[index - 1]!);
      return isWrong ? [`done in the order ${done.join(', ')}`] : [];
    }),
  };
}
