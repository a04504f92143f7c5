import type { ConsumerDefinition } from '../../lib/consumer/consumer.ts';
import type { MessageId } from '../../lib/events/message-id.ts';
import { PermanentError } from '../../lib/runtime/errors.ts';
import { violationsOf, type AuditResult } from './invariants.ts';
import { muted } from '../../lib/testing/mute.ts';
import { storedItems, type StoredItems } from '../../lib/testing/stored-items.ts';
import { explore, type Exploration } from './explore.ts';
import { auditModel } from './audit-model.ts';
import type { ModelMessage } from './model-message.ts';
import type { Choose, WorldOptions } from '../../lib/testing/world-options.ts';
import { runWorld } from '../../lib/testing/world.ts';

/**
 * The maximum number of times that one message may crash its process: three deliveries until the consumer suspects the
 * message, one attempt together with other messages, and three attempts alone. A fault in between can repeat a step.
 */
const MAX_CRASHES = 10;

export interface ModelOptions extends Omit<WorldOptions, 'messages' | 'around'> {
  readonly messages: readonly ModelMessage[];
  readonly definition: ConsumerDefinition<any>;
  /** Lists of message ids. The messages of each list must be completed in the order of the list. */
  readonly order?: readonly (readonly MessageId[])[];
  /** Checks the DynamoDB items at the end of a run, and returns one description per inconsistency. */
  readonly check?: (items: StoredItems) => string[];
}

/**
 * Runs the real consumer with a modelled broker and store. Returns the result of each message, or `undefined` if the
 * run ended early because it reached a state that an earlier run has explored.
 */
export async function runModel(
  { messages, order = [], check = () => [], ...options }: ModelOptions,
  choose: Choose,
  { isExplored, from }: Exploration = {},
): Promise<AuditResult | undefined> {
  const { definition } = options;
  const killers = new Set<string>(messages.filter(({ isKiller }) => isKiller).map(({ id }) => id));
  const unsure = new Set<string>(messages.filter(({ endsEitherWay }) => endsEitherWay).map(({ id }) => id));
  const varied = new Set<string>(messages.filter(({ mayFailPermanently }) => mayFailPermanently).map(({ id }) => id));
  const crashes = new Map<string, number>();
  let endsEarly = false;
  const { store, broker, repeated } = await runWorld(
    {
      ...options,
      isExplored: isExplored && ((...about) => (endsEarly = isExplored(...about))),
      from,
      messages: messages.flatMap(({ id, type, body, copies = 1 }) =>
        Array.from({ length: copies }, () => ({
          body: Buffer.from(JSON.stringify(body)),
          properties: { messageId: id, type, headers: {} },
        })),
      ),
      around: (run, { context: { id }, crash, choose: chooseOutcome }) => {
        if (killers.has(id)) {
          crashes.set(id, (crashes.get(id) ?? 0) + 1);
          return crash();
        }
        const outcome = unsure.has(id) ? chooseOutcome(varied.has(id) ? 3 : 2) : 0;
        if (outcome === 1) throw new Error('the test model chose a transient error for this attempt');
        if (outcome === 2)
          throw new PermanentError('VARIES', 'the test model chose a permanent error for this attempt');
        return run();
      },
    },
    choose,
  );
  if (endsEarly) return undefined;
  const audited = auditModel({ messages, store, broker, order, queueName: definition.queue.name });
  const loops = [...crashes]
    .filter(([, count]) => count > MAX_CRASHES)
    .map(([id, count]) => `${id} crashed the process ${count} times`);
  return { ...audited, unexpected: [...audited.unexpected, ...repeated, ...loops, ...check(storedItems(store))] };
}

/** Runs `work` with log lines, metrics and stack traces suppressed, because they would take much of the time of a run. */
export async function quietly<T>(work: () => Promise<T>): Promise<T> {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return await muted(work);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/**
 * Runs a consumer many times in a modelled system, each time with different faults. Throws an error if a run violates
 * an invariant. Returns the number of runs.
 */
export const prove = (options: () => ModelOptions): Promise<number> =>
  quietly(() =>
    explore(async (choose, exploration) => {
      const audited = await runModel(options(), choose, exploration);
      const violations = audited ? violationsOf(audited) : {};
      if (Object.keys(violations).length > 0) throw new Error(JSON.stringify(violations));
    }),
  );
