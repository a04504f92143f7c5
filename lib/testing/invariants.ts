import { readEnvelope } from '../events/envelope.ts';
import { idOf } from './memory-broker.ts';
import type { World } from './world.ts';

/**
 * Returns the first invariant that does not hold at the end of a simulated run of the consumer, or `undefined`. Each
 * message must have its effects applied exactly once or be dead-lettered, and each follow-up event must be published
 * under one id.
 */
export function brokenInvariant({ store, broker }: World, ids: Iterable<string>): string | undefined {
  const deadLetters = new Map(
    broker.deadLetters.map((message) => [readEnvelope(message.properties.headers).deadLetter?.id, idOf(message)]),
  );
  const published = new Map<string | undefined, string>();
  for (const message of broker.events) {
    const id = idOf(message);
    const body = message.body.toString();
    if (published.has(id) && published.get(id) !== body)
      return `the event ${message.properties.type} was published with the same id but different data: ${published.get(id)} and ${body}`;
    published.set(id, body);
  }
  const followUps = new Set<string>();
  for (const id of new Set(ids)) {
    const commits = store.commits.filter((commit) => commit.id === id).length;
    const parked = [...deadLetters.values()].filter((parkedId) => parkedId === id).length;
    if (commits > 1) return `the effects of the message ${id} were applied ${commits} times`;
    if (commits + parked === 0) return `the message ${id} was lost: it is neither completed nor dead-lettered`;
    if (commits + parked > 1)
      return commits === 1
        ? `the message ${id} was completed and also dead-lettered`
        : `the message ${id} has ${parked} dead letters`;
    const marker = [...store.markers.values()].find((one) => one.id === id);
    for (const event of marker && 'events' in marker ? marker.events : []) {
      followUps.add(event.id);
      if (!published.has(event.id)) return `the event ${event.type} of the message ${id} was never published`;
    }
  }
  const unknown = broker.events.find((message) => !followUps.has(idOf(message) ?? ''));
  return unknown && `the event ${unknown.properties.type} was published, but belongs to no completed message`;
}
