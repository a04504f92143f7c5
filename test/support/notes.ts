import * as z from 'zod';

import { defineEvent } from '../../lib/events/define.ts';
import { workQueue } from '../../lib/rabbitmq/topology/define.ts';

export const noted = defineEvent({
  type: 'note.taken',
  version: 1,
  exchange: 'notes',
  schema: z.object({ isBad: z.boolean().default(false) }),
});
export const queue = workQueue('notes', { delays: ['1s'] });

export const outcomesOf = (results: readonly { readonly outcome: string }[]) => results.map(({ outcome }) => outcome);
