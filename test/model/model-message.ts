import type { MessageId } from '../../lib/events/message-id.ts';

/** What is sent in a run of the model. */
export interface ModelMessage {
  readonly id: MessageId;
  readonly type: string;
  readonly body: object;
  readonly isPoison: boolean;
  readonly due: 0 | 1;
  /** Its rule fails or succeeds as it is chosen, each time anew. */
  readonly endsEitherWay?: boolean;
  /** Copies that the publisher sends. */
  readonly copies?: number;
  /** Whoever decides it takes the runtime down. */
  readonly isKiller?: boolean;
}
