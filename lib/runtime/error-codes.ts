/**
 * The meaning of an error code, and what an operator should do. The separate file error-causes.ts contains the causes,
 * because the Lambda functions do not need them.
 */
interface ErrorExplanation {
  readonly meaning: string;
  readonly action: string;
}

/** The built-in error codes of dead letters. Business rules may define additional codes. */
export const deadLetterCodes = {
  MISSING_MESSAGE_ID: {
    meaning: 'The message has no id by which Surehop could recognize its redelivery.',
    action: 'Fix the publisher, or give the consumer a function "identify" and redrive.',
  },
  IDENTIFY_FAILED: {
    meaning: 'The function "identify" of the consumer threw an error, or returned an invalid result.',
    action: 'Fix the function "identify" or the publisher, then redrive.',
  },
  INVALID_CLOUDEVENT: {
    meaning:
      'A required attribute of the CloudEvent is missing or invalid, and the message has no valid message-id either.',
    action: 'Fix the publisher.',
  },
  MALFORMED: {
    meaning: 'The body is not JSON in UTF-8.',
    action: 'Fix the publisher.',
  },
  UNKNOWN_TYPE: {
    meaning: 'The consumer of the queue has no business rule for this type of event.',
    action: 'Add a business rule and redrive, or remove the binding.',
  },
  SCHEMA_MISMATCH: {
    meaning: 'The body does not match the schema of its event, or no business rule handles this version of the event.',
    action: 'Deploy a matching business rule and redrive, or fix the publisher.',
  },
  PAYLOAD_MISMATCH: {
    meaning: 'A message with the same id but another body was processed before.',
    action: 'Fix the publisher: an id belongs to one message.',
  },
  UNREMEMBERED: {
    meaning:
      'The message may have been completed already: its inbox marker has expired, or was lost when the inbox table was restored.',
    action: 'Redrive the message with "force" only if it was not completed.',
  },
  ATTEMPTS_EXHAUSTED: {
    meaning: 'All attempts to process the message failed; the dead letter contains the last error.',
    action: 'Fix the cause of the last error, then redrive.',
  },
  CRASH_LOOP: {
    meaning: 'The function crashed each time it processed the message.',
    action: 'Fix the business rule, then redrive.',
  },
  TOO_OLD: {
    meaning: 'The message was older than the maximum age that its consumer accepts.',
    action: 'Redrive the message if it is still wanted; the age of the message then starts again.',
  },
  EXPIRED: {
    meaning: 'The message expired in its queue before a consumer received it.',
    action: 'Redrive the message if it is still wanted.',
  },
  DELIVERY_LIMIT: {
    meaning: 'The message was returned to its queue more often than the delivery limit of the queue allows.',
    action: 'Find who set the limit with "npm run topology -- verify", then redrive.',
  },
  MAX_LENGTH: {
    meaning: 'The queue was full, and RabbitMQ removed the message from it.',
    action: 'Find the RabbitMQ policy with "npm run topology -- verify", let the consumer catch up, then redrive.',
  },
  REJECTED: {
    meaning: 'A consumer rejected the message without requeueing it.',
    action: 'Find the client that rejected the message, then redrive.',
  },
} as const satisfies Record<string, ErrorExplanation>;

/** The error codes with which publishing a message fails if the broker does not confirm the message. */
export const publishCodes = {
  UNROUTABLE: {
    meaning: 'No queue is bound to the exchange with the routing key of the message.',
    action: 'Apply the topology to the broker.',
  },
  REFUSED: {
    meaning: 'A queue for this message is full; another queue of the same exchange may have accepted the message.',
    action: 'Let the consumer catch up, and publish the message again with the same id.',
  },
  BLOCKED: {
    meaning: 'The broker accepts no messages because it is short of memory or disk.',
    action: 'Let the consumers catch up, or use a larger broker.',
  },
  TOO_LARGE: {
    meaning: 'The message is larger than the broker accepts.',
    action: 'Publish a reference to the data instead of the data.',
  },
  UNWRITABLE: {
    meaning: 'A property or header of the message cannot be encoded in AMQP.',
    action: 'Fix the publisher, or redrive the dead letter with "force" to leave out this property or header.',
  },
  UNCONFIRMED: {
    meaning: 'The broker did not confirm the message in time, and may or may not have stored it.',
    action: 'Publish the message again with the same id.',
  },
  BROKER_UNAVAILABLE: {
    meaning: 'The broker cannot be reached.',
    action: 'Check the state of the broker, its address, its login and the security groups.',
  },
} as const satisfies Record<string, ErrorExplanation>;

/** The error codes of attempts that are not final: the message is retried, postponed, or redelivered with its batch. */
export const attemptCodes = {
  STORE_UNAVAILABLE: {
    meaning: 'DynamoDB cannot be reached, or it throttles requests.',
    action: 'Check the health of DynamoDB, the VPC endpoint, and the throttled requests of the table.',
  },
  TABLE_MISSING: {
    meaning: 'A DynamoDB table that the function uses does not exist.',
    action: 'Correct the name of the table, or deploy the table.',
  },
  ACCESS_DENIED: {
    meaning: "The function's role does not allow a request to DynamoDB.",
    action: "Add the permission to the function's access.",
  },
  STORE_MISCONFIGURED: {
    meaning: 'DynamoDB refuses every request to the table; the cause is the deployment, not the message.',
    action: 'Read DynamoDB\'s error message in the log line "deployment is wrong", and correct the deployment.',
  },
  CONFLICT: {
    meaning: 'The transaction failed repeatedly, because other transactions changed the same DynamoDB items.',
    action: 'Nothing, if such conflicts are rare; otherwise, spread the writes over several items.',
  },
  CONDITION_FAILED: {
    meaning: 'The condition of an effect does not hold, and there are no alternative effects.',
    action:
      'Return an alternative ("otherwise") from the business rule, handle the error of "writeItem", or correct the DynamoDB item.',
  },
  INVALID_EFFECT: {
    meaning:
      'DynamoDB cannot apply an effect of the business rule, because the key, type or size of the effect is invalid.',
    action: 'Fix the business rule.',
  },
  INVALID_ITEM: {
    meaning: 'An item in DynamoDB does not match the schema of its table.',
    action: 'Correct the item, or make the schema accept it.',
  },
  TIME_LIMIT: {
    meaning: 'The business rule did not finish within the time limit for one message.',
    action: 'Make the business rule faster, raise "timeLimit", or lower the batch size.',
  },
  LEASED: {
    meaning: 'Another Lambda execution environment is processing the message.',
    action: 'Nothing: the message is delivered again.',
  },
  BLOCKED_BY_KEY: {
    meaning: 'An earlier message with the same ordering key is not finished yet.',
    action: 'Nothing: the message is delivered again; if the earlier message keeps failing, fix its cause.',
  },
  UNKNOWN_ERROR: {
    meaning: 'The business rule threw an error without a code.',
    action: 'Read the stack in the log line "rule failed", fix the business rule, then redrive.',
  },
} as const satisfies Record<string, ErrorExplanation>;

/** All error codes that Surehop gives to failed messages and failed publishes. */
export const errorCodes: Readonly<
  Record<keyof typeof deadLetterCodes | keyof typeof publishCodes | keyof typeof attemptCodes, ErrorExplanation>
> = { ...deadLetterCodes, ...publishCodes, ...attemptCodes };

export type KnownErrorCode = keyof typeof errorCodes;

export const isKnownCode = (code: string): code is KnownErrorCode => Object.hasOwn(errorCodes, code);

/** Returns the explanation of an error code: what the code means and what an operator should do. */
export const textOf = (code: KnownErrorCode): string => `${errorCodes[code].meaning} ${errorCodes[code].action}`;
