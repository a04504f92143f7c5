import type { ConsumerDefinition } from '../../lib/consumer/consumer.ts';
import type { MessageId } from '../../lib/events/message-id.ts';
import { violationsOf, type AuditResult } from './invariants.ts';
import { storedItems, type StoredItems } from '../../lib/testing/stored-items.ts';
import { explore } from './explore.ts';
import { auditModel } from './audit-model.ts';
import type { ModelMessage } from './model-message.ts';
import { runWorld, type Choose, type WorldOptions } from '../../lib/testing/world.ts';

export interface ModelOptions extends Omit<WorldOptions, 'messages' | 'around'> {
  readonly messages: readonly ModelMessage[];
  readonly definition: ConsumerDefinition<any>;
  /** Lists of message ids. The messages of each list must be completed in the order of the list. */
  readonly order?: readonly (readonly MessageId[])[];
  /** Returns what is wrong with the DynamoDB items at the end of a run, one description per mistake. */
  readonly check?: (items: StoredItems) => string[];
}

/** Runs the real consumer with a modelled broker and store. Returns what happened to each message. */
async function runModel(
  { messages, order = [], check = () => [], ...options }: ModelOptions,
  choose: Choose,
): Promise<AuditResult> {
  const { faults, switches = 0, definition } = options;
  const killers = new Set<string>(messages.filter(({ isKiller }) => isKiller).map(({ id }) => id));
  const unsure = new Set<string>(messages.filter(({ endsEitherWay }) => endsEitherWay).map(({ id }) => id));
  const { store, broker, repeated } = await runWorld(
    {
      ...options,
      messages: messages.flatMap(({ id, type, body, copies = 1 }) =>
        Array.from({ length: copies }, () => ({
          body: Buffer.from(JSON.stringify(body)),
          properties: { messageId: id, type, headers: {} },
        })),
      ),
      around: (run, { context: { id }, crash }) => {
        if (killers.has(id)) return crash();
        if (unsure.has(id) && choose(2) === 1)
          throw new Error('the model lets the message fail in this execution environment');
        return run();
      },
    },
    choose,
  );
  const audited = auditModel({ messages, store, broker, order, queueName: definition.queue.name });
  // Without crashes and lost answers, the consumer publishes no second retry copy or dead letter of a message, however
  // often the broker refuses the copy of another message.
  const multiplied = faults > 0 || switches > 0 ? [] : repeated;
  return { ...audited, unexpected: [...audited.unexpected, ...multiplied, ...check(storedItems(store))] };
}

/**
 * Runs a consumer many times in a modelled system, each time with different faults. Throws an error if a run violates
 * an invariant. Returns the number of runs.
 */
export const prove = (options: () => ModelOptions): Promise<number> =>
  explore(async (choose) => {
    const violations = violationsOf(await runModel(options(), choose));
    if (Object.keys(violations).length > 0) throw new Error(JSON.stringify(violations));
  });
