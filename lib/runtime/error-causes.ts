import type { KnownErrorCode } from './error-codes.ts';

/** For each error code, the cause of the error. */
export const errorCauses: Readonly<Record<KnownErrorCode, string>> = {
  MISSING_MESSAGE_ID: 'The publisher does not set the AMQP property message-id.',
  IDENTIFY_FAILED: 'The function "identify" does not handle this message, or the publisher has changed its messages.',
  INVALID_CLOUDEVENT: 'The publisher does not follow the specification of CloudEvents.',
  MALFORMED: 'The publisher sends another format, or a truncated body.',
  UNKNOWN_TYPE: 'A binding routes the event to this queue, or the consumer with the business rule is not deployed yet.',
  SCHEMA_MISMATCH: 'The publisher was deployed before the consumer, or sends invalid events.',
  PAYLOAD_MISMATCH: 'The publisher uses one id for two messages, or changed a message before publishing it again.',
  UNREMEMBERED:
    'Either the consumer was stopped for longer than the retention of inbox markers, or the inbox table was restored and the message was published before the restore or has no publish time.',
  ATTEMPTS_EXHAUSTED: 'The business rule threw an error or exceeded its time limit at every attempt.',
  CRASH_LOOP:
    'The message makes the business rule exit the process, use all memory, or block until the function times out.',
  TOO_OLD: 'The message waited longer than the consumer\'s "maxAge", for example because the consumer was stopped.',
  EXPIRED: 'The publisher gave the message an expiration, or a RabbitMQ policy sets one.',
  DELIVERY_LIMIT: 'Another policy or client has set a delivery limit on the queue; Surehop itself sets none.',
  MAX_LENGTH: 'A RabbitMQ policy that does not belong to Surehop makes the full queue drop messages.',
  REJECTED: 'A client other than Surehop consumes messages from the queue.',
  UNROUTABLE: 'The topology of the broker is older than the publisher, or a binding was deleted.',
  REFUSED: 'The consumer of the full queue is stopped or too slow.',
  BLOCKED: 'The queues hold too many messages for the broker, or a consumer is stopped.',
  TOO_LARGE: 'The body exceeds the limit of the broker (max_message_size).',
  UNWRITABLE: 'The name of a header is longer than 255 bytes, or a value has a type that AMQP lacks.',
  UNCONFIRMED: 'The broker is overloaded, or the network lost the confirm.',
  BROKER_UNAVAILABLE:
    'The broker is restarting, the configured address or login is wrong, or the network blocks the connection.',
  STORE_UNAVAILABLE: 'DynamoDB or the network has an outage, or a table receives more requests than it allows.',
  TABLE_MISSING: 'The name of the table is misspelt, or the table was deleted or is not deployed yet.',
  ACCESS_DENIED: 'The entry "access" of the function in serverless.yml lacks the table or the action.',
  STORE_MISCONFIGURED:
    'The credentials are wrong, or the primary key of a table differs from the expected primary key.',
  CONFLICT:
    'Many Lambda execution environments change one DynamoDB item at the same time, or two environments consume one ordered queue.',
  CONDITION_FAILED:
    'A DynamoDB item does not have the state that the business rule or the caller of "writeItem" expects.',
  INVALID_EFFECT: 'The business rule returns an effect that the definition of the table does not allow.',
  INVALID_ITEM: 'The schema of the table was changed, or another program wrote the item.',
  TIME_LIMIT: 'The business rule waits for a slow system, or the batch is too large for the timeout of the function.',
  LEASED:
    'The message was delivered twice, or a Lambda execution environment crashed and its lease on the message has not expired yet.',
  BLOCKED_BY_KEY: 'The earlier message failed and waits for its retry.',
  UNKNOWN_ERROR: 'The business rule has a defect, or a library threw the error.',
};
