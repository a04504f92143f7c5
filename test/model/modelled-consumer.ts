import * as z from 'zod';

import type { ConsumerDefinition } from '../../lib/consumer/consumer.ts';
import { defineEvent } from '../../lib/events/define.ts';
import type { MessageId } from '../../lib/events/message-id.ts';
import { emit, type Decision } from '../../lib/inbox/decision.ts';
import { PermanentError } from '../../lib/runtime/errors.ts';
import { tables } from '../support/example/tables.ts';
import { exchanges, queues } from '../support/example/topology.ts';
import type { ModelMessage } from './model-message.ts';

const kinds = ['sound', 'fails', 'rejected', 'poison', 'killer', 'either', 'varies'] as const;
export type Kind = (typeof kinds)[number];

export const modelled = defineEvent({
  type: 'model.sent',
  version: 1,
  exchange: exchanges.library,
  schema: z.object({
    id: z.string(),
    kind: z.enum(kinds),
    key: z.string(),
  }),
});

const followed = defineEvent({ type: 'model.followed', version: 1, exchange: exchanges.library, schema: z.object({}) });

export function decide({ id, kind }: z.infer<typeof modelled.schema>, { attempt }: { attempt: number }): Decision {
  if (kind === 'fails' && attempt === 1) throw new Error('not this time');
  if (kind === 'poison') throw new PermanentError('POISON', 'never');
  const add = { kind: 'add', table: tables.loans, key: { isbn: id }, attribute: 'available', by: 1 } as const;
  if (kind !== 'rejected') return { effects: [add] };
  return {
    effects: [{ ...add, atLeast: 2 }],
    otherwise: { outcome: 'rejected', reason: 'NO', effects: [], events: [emit(followed, {})] },
  };
}

export const definition = { queue: queues.loans, event: modelled, decide } satisfies ConsumerDefinition<any>;

export const messagesOf = (kinds: readonly Kind[], copies = 1): ModelMessage[] =>
  kinds.map((kind, index) => {
    const id = `${kind}-${index}` as MessageId;
    return {
      id,
      copies,
      type: modelled.type,
      body: { id, kind, key: 'one' },
      isPoison: kind === 'poison' || kind === 'killer',
      isKiller: kind === 'killer',
      endsEitherWay: kind === 'either' || kind === 'varies',
      mayFailPermanently: kind === 'varies',
      due: kind === 'rejected' || kind === 'poison' || kind === 'killer' ? 0 : 1,
    };
  });
