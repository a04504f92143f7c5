import pMap from 'p-map';

import { archiveTable } from '../archive/record.ts';
import { attemptKey, toOpenAttempts } from '../crash-loop/attempt-log.ts';
import { findEdited } from '../dead-letters/edited-message.ts';
import { findByMessage } from '../dead-letters/list.ts';
import { batchGet } from '../dynamodb/batch-get.ts';
import type { MessageId } from '../events/message-id.ts';
import { ok, type Answer } from '../http/answer.ts';
import { Problem } from '../http/problem.ts';
import { markerKey, readMarker } from '../inbox/marker.ts';
import { inboxTableOf } from '../inbox/table.ts';
import type { WorkQueue } from '../rabbitmq/topology/topology.ts';
import type { Surehop } from '../runtime/surehop.ts';
import type { ConsumerState, Timeline, TracedMessage } from './schema.ts';
import { inOrder, isKnown, stateIn, stepsOf, tracedMessageOf, type Recorded } from './timeline.ts';

/** The maximum number of messages in a timeline, including follow-up events of follow-up events. */
const MAX_MESSAGES = 20;

const CONCURRENCY = 8;

/** Reads the timelines of messages. */
export interface Timelines {
  /**
   * Returns everything that is recorded about a message and its follow-up events. Returns `undefined` if nothing is
   * recorded.
   */
  read(messageId: string): Promise<Timeline | undefined>;
  /**
   * Returns the state of a message in each queue, by the name of the queue. If an operator has edited the message, the
   * state is that of the edited message. Returns `undefined` if nothing is recorded about the message.
   */
  states(messageId: string): Promise<Readonly<Record<string, ConsumerState>> | undefined>;
  /** Handles `messageRoute`. */
  get(request: { readonly path: { readonly id: string } }): Promise<Answer>;
}

interface Wanted {
  readonly messageId: string;
  readonly followsFrom?: TracedMessage['followsFrom'];
}

/** Creates a reader for the timelines of the messages in the queues `workQueues`. */
export function createTimelines(surehop: Surehop, workQueues: Readonly<Record<string, WorkQueue>>): Timelines {
  const { clock } = surehop;
  const queues = Object.values(workQueues).map(({ name }) => name);

  /**
   * Reads what the inbox table and the archive contain about several messages. The result is in the order of the
   * message ids.
   */
  async function readRecords(ids: readonly string[]): Promise<Recorded[]> {
    const { client, name: table, retryPolicy } = inboxTableOf(surehop);
    const archive = archiveTable(surehop);
    const keys = ids.flatMap((id) =>
      queues.flatMap((queue) => [markerKey(queue, id as MessageId), attemptKey(queue, id as MessageId)]),
    );
    const [items, deadLetters] = await Promise.all([
      batchGet(client, table, keys, retryPolicy),
      pMap(ids, (id) => findByMessage(archive, id), { concurrency: CONCURRENCY }),
    ]);
    const byKey = new Map(items.map((item) => [item['pk']?.S, item]));
    return ids.map((messageId, index) => {
      const ofQueue = (queue: string, key: typeof markerKey) => byKey.get(key(queue, messageId as MessageId)['pk']?.S);
      const markers = queues.flatMap((queue) => {
        const item = ofQueue(queue, markerKey);
        return item ? [readMarker(queue, item)] : [];
      });
      return {
        messageId,
        markers: markers.filter((marker) => marker.state !== 'unreadable'),
        unreadableMarkers: markers.filter((marker) => marker.state === 'unreadable'),
        isolatedRuns: queues.flatMap((queue) => {
          const item = ofQueue(queue, attemptKey);
          return item ? toOpenAttempts(item).isolatedEndByMs.map((endsByMs) => ({ queue, endsByMs })) : [];
        }),
        deadLetters: deadLetters[index]!,
      };
    });
  }

  async function read(messageId: string): Promise<Timeline | undefined> {
    const found: { readonly recorded: Recorded; readonly followsFrom: TracedMessage['followsFrom'] }[] = [];
    const seen = new Set([messageId]);
    let isIncomplete = false;
    let wanted: Wanted[] = [{ messageId }];
    while (wanted.length > 0) {
      const records = await readRecords(wanted.map((one) => one.messageId));
      const next: Wanted[] = [];
      for (const [index, recorded] of records.entries()) {
        found.push({ recorded, followsFrom: wanted[index]!.followsFrom });
        for (const { messageId: id, queue } of followUpsOf(recorded)) {
          if (seen.has(id)) continue;
          if (seen.size >= MAX_MESSAGES) isIncomplete = true;
          else {
            seen.add(id);
            next.push({ messageId: id, followsFrom: { messageId: recorded.messageId, queue } });
          }
        }
      }
      wanted = next;
    }
    if (!isKnown(found[0]!.recorded)) return undefined;
    const edited = await findEdited(archiveTable(surehop), messageId as MessageId);
    const nowMs = clock.now();
    const [first, ...followUps] = found.map(({ recorded, followsFrom }) =>
      tracedMessageOf(recorded, followsFrom, nowMs),
    );
    return {
      messages: [{ ...first!, editedFrom: edited?.deadLetterId }, ...followUps],
      steps: inOrder(found.flatMap(({ recorded }) => stepsOf(recorded))),
      isIncomplete,
    };
  }

  async function states(messageId: string): Promise<Record<string, ConsumerState> | undefined> {
    const [recorded] = await readRecords([messageId]);
    if (!isKnown(recorded!)) return undefined;
    const nowMs = clock.now();
    const found = await pMap(queues, async (queue) => stateIn(queue, await latestEdit(queue, recorded!), nowMs));
    return Object.fromEntries(found.map((state) => [state.queue, state]));
  }

  async function latestEdit(queue: string, recorded: Recorded): Promise<Recorded> {
    let latest = recorded;
    for (let edits = 0; edits < MAX_MESSAGES; edits += 1) {
      const messageId = editIn(queue, latest);
      if (messageId === undefined) break;
      [latest] = (await readRecords([messageId])) as [Recorded];
    }
    return latest;
  }

  return {
    read,
    states,
    async get({ path: { id } }) {
      const timeline = await read(id);
      if (!timeline)
        throw new Problem(
          'not-found',
          'Nothing is recorded about a message with this id. A message is recorded when a consumer completes, rejects, retries or dead-letters it.',
        );
      return ok(timeline);
    },
  };
}

/**
 * Returns the id of the edited message that replaces the original message in the given queue, or `undefined` if the
 * message was not edited.
 */
const editIn = (queue: string, { markers, deadLetters }: Recorded): MessageId | undefined =>
  [...markers, ...deadLetters]
    .filter((one) => one.queue === queue)
    .map((one) => ('supersededBy' in one ? one.supersededBy : undefined))
    .find((id) => id !== undefined);

/**
 * Returns the messages that follow from a message: the follow-up events that its consumers published, and the edited
 * messages that replace it.
 */
const followUpsOf = ({ markers, deadLetters }: Recorded) => [
  ...markers.flatMap((marker) =>
    marker.state === 'completed' || marker.state === 'rejected'
      ? marker.events.map(({ id }) => ({ messageId: id, queue: marker.queue }))
      : [],
  ),
  ...deadLetters.flatMap(({ supersededBy, queue }) =>
    supersededBy !== undefined && queue !== undefined ? [{ messageId: supersededBy, queue }] : [],
  ),
];
