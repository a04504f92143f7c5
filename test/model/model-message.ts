import type { MessageId } from '../../lib/events/message-id.ts';

export interface ModelMessage {
  readonly id: MessageId;
  readonly type: string;
  readonly body: object;
  readonly isPoison: boolean;
  readonly due: 0 | 1;
  /** Whether the model tries two outcomes for each attempt at this message: success and a transient error. */
  readonly endsEitherWay?: boolean;
  /** Whether the model also lets attempts fail with a permanent error. Has no effect without `endsEitherWay`. */
  readonly mayFailPermanently?: boolean;
  readonly copies?: number;
  /** Whether processing the message crashes the process. */
  readonly isKiller?: boolean;
}
