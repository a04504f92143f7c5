import type { MessageId } from '../../lib/events/message-id.ts';

export interface ModelMessage {
  readonly id: MessageId;
  readonly type: string;
  readonly body: object;
  readonly isPoison: boolean;
  readonly due: 0 | 1;
  /** Whether the model lets each attempt to process the message either succeed or fail with a temporary error. */
  readonly endsEitherWay?: boolean;
  /** Whether the model also lets attempts to process the message fail with a permanent error. */
  readonly mayFailPermanently?: boolean;
  readonly copies?: number;
  /** Whether processing the message crashes the process. */
  readonly isKiller?: boolean;
}
