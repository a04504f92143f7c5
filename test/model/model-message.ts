import type { MessageId } from '../../lib/events/message-id.ts';

/** A message that the model sends to the consumer. */
export interface ModelMessage {
  readonly id: MessageId;
  readonly type: string;
  readonly body: object;
  readonly isPoison: boolean;
  readonly due: 0 | 1;
  /** Whether each attempt to process the message may fail or succeed. The model tries both outcomes. */
  readonly endsEitherWay?: boolean;
  /** The number of copies of the message that the publisher sends. */
  readonly copies?: number;
  /** Whether processing the message crashes the process. */
  readonly isKiller?: boolean;
}
