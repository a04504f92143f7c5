import type { MessageId } from '../../lib/events/message-id.ts';

/** A message that is sent in a run of the model. */
export interface ModelMessage {
  readonly id: MessageId;
  readonly type: string;
  readonly body: object;
  readonly isPoison: boolean;
  readonly due: 0 | 1;
  /** Whether the exploration chooses, at each attempt, if the message's rule fails. */
  readonly endsEitherWay?: boolean;
  /** How many copies the publisher sends. */
  readonly copies?: number;
  /** Whether the message's rule crashes the process. */
  readonly isKiller?: boolean;
}
