import { log } from '../runtime/log.ts';

/**
 * Logs that the stored order of messages cannot be read, because a DynamoDB item with a part of the order no longer
 * exists.
 */
export const reportLostOrder = (item: string): void =>
  log().error('the stored order of some messages was lost', {
    item,
    error: {
      message: 'a DynamoDB item with a part of the order no longer exists: messages may be processed in another order',
    },
  });
