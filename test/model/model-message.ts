import type { MessageId } from '../../lib/events/message-id.ts';

export interface ModelMessage {
  readonly id: MessageId;
  readonly type: string;
  readonly body: object;
  readonly isPoison: boolean;
  readonly due: 0 | 1;
  /** Whether each attempt to process the message may fail or succeed. The model tries both outcomes. */
  readonly endsEitherWay?: boolean;
  /**
   * Whether each attempt to process the message may fail with a permanent error. The model tries three outcomes:
   * success, a temporary error and a permanent error.
   */
  readonly mayFailPermanently?: boolean;
  readonly copies?: number;
  /** Whether processing the message crashes the process. */
  readonly isKiller?: boolean;
}
