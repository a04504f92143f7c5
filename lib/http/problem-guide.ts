import type { ProblemName } from './problems.ts';

/** For each problem of the HTTP API: what causes the problem, and what the client or an operator should do. */
export const problemGuide: Readonly<Record<ProblemName, { readonly cause: string; readonly action: string }>> = {
  'malformed-json': {
    cause: 'The body is not valid UTF-8, or cannot be parsed as JSON.',
    action: 'Correct the request.',
  },
  'invalid-body': {
    cause: 'The body is missing, or does not match the schema of the route.',
    action: 'Correct the fields that the member "errors" of the response names.',
  },
  'invalid-parameters': {
    cause: 'A parameter of the path or the query is unknown or has an invalid value.',
    action: 'Correct the parameters that the member "errors" of the response names.',
  },
  'missing-idempotency-key': {
    cause: 'The route needs the header Idempotency-Key, and the header is missing or empty.',
    action:
      'Send an idempotency key that is different for each new request and equal for each repetition of a request.',
  },
  'invalid-idempotency-key': {
    cause: 'The idempotency key is too long or contains characters other than printable ASCII.',
    action: 'Send another idempotency key.',
  },
  'idempotency-key-mismatch': {
    cause: 'The request has the headers Idempotency-Key and webhook-id, and the values of the two headers differ.',
    action: 'Send only webhook-id, or both headers with the same value.',
  },
  'json-too-complex': {
    cause: 'The body is nested too deeply, or has too many values.',
    action: 'Send a simpler body, or several requests.',
  },
  unsigned: {
    cause: 'The route accepts only signed requests, and a header of the signature is missing.',
    action: 'Sign the request with Standard Webhooks: webhook-id, webhook-timestamp and webhook-signature.',
  },
  'malformed-signature': {
    cause: 'A header of the signature does not have the format of Standard Webhooks.',
    action: 'Correct the header that the member "detail" of the response names.',
  },
  'signature-expired': {
    cause: 'The time in webhook-timestamp is too far from the time of the server.',
    action: 'Create a new signature for each repetition of a request, and correct the clock of the client.',
  },
  'wrong-signature': {
    cause: 'No signing key of a client gives this signature for this body.',
    action: 'Check the key of the client, and that the body is sent exactly as it was signed.',
  },
  'no-token': {
    cause: 'The route accepts only operators, and the header Authorization is missing.',
    action: 'Send the header Authorization with the value "Bearer <token>".',
  },
  'invalid-token': {
    cause: 'The token is not a signed JWT, or its issuer, audience, subject, time or signature is wrong.',
    action: 'Request a token from the issuer of this stage.',
  },
  'token-expired': {
    cause: 'The token is no longer valid.',
    action: 'Request a new token.',
  },
  'insufficient-scope': {
    cause: 'The token lacks the scope that the route requires.',
    action: 'Request a token with the scope that the response names.',
  },
  'not-found': {
    cause: 'The resource does not exist or was deleted when its retention period ended.',
    action: 'Check the id in the path.',
  },
  'request-in-progress': {
    cause:
      'An earlier request with the same idempotency key has no response yet, or its process ended before it could respond.',
    action: 'Send the request again after the time in the header Retry-After.',
  },
  'already-discarded': {
    cause: 'An operator has discarded the dead letter.',
    action: 'Nothing, or publish the body of the dead letter as a new message.',
  },
  'already-redriven': {
    cause: 'A copy of the message was already published by an earlier redrive.',
    action:
      'Usually nothing. To publish another copy anyway, send {"force": true}; a consumer that has completed the message skips this copy.',
  },
  'already-superseded': {
    cause: 'An operator has edited the dead letter, and the edited message replaces it.',
    action: 'Look for the message whose id the member "supersededBy" of the response contains.',
  },
  'already-processed': {
    cause: 'The consumer has completed or rejected another copy of the message, or an edited message replaces it.',
    action: 'Discard the dead letter.',
  },
  'being-processed': {
    cause:
      'The consumer is calling its function "perform" for another copy of the message, or it is retrying another message with the same id.',
    action: 'Send the request again after the time in the header Retry-After.',
  },
  'unreadable-marker': {
    cause: 'An operator or another program has changed the DynamoDB item of the inbox marker.',
    action: 'Correct the DynamoDB item that the response names, and send the request again.',
  },
  'too-old': {
    cause: 'The message is older than the time for which the inbox remembers messages.',
    action: 'Send {"force": true} only if the message was never processed.',
  },
  'no-origin': {
    cause: 'The message has no headers that name its queue, or its queue is not a work queue of this service.',
    action: 'Find out from the content of the message to which queue it belongs, and publish the body again.',
  },
  'body-too-large': {
    cause: 'The body exceeds the limit of the route or of the broker.',
    action: 'Send a smaller body.',
  },
  'unsupported-media-type': {
    cause: 'The header Content-Type is not application/json, or the body is compressed.',
    action: 'Send uncompressed JSON with the header "Content-Type: application/json".',
  },
  'idempotency-key-reused': {
    cause: 'An earlier request used the same idempotency key with another body.',
    action: 'Send a new idempotency key for a new request.',
  },
  'invalid-message': {
    cause: 'The consumer would dead-letter the edited message again, because its body is invalid.',
    action: 'Correct the fields that the member "faults" of the response names.',
  },
  unwritable: {
    cause: 'AMQP cannot encode a property or header of the archived message.',
    action: 'Send {"force": true} to redrive the message without the parts that the response names.',
  },
  'headers-too-large': {
    cause: 'The headers of the request exceed the limit of the server.',
    action: 'Send fewer or shorter headers.',
  },
  'internal-error': {
    cause: 'The function threw an unexpected error.',
    action: 'Search the log for the request id in the member "instance" of the response.',
  },
  misconfigured: {
    cause: 'A table, a permission or a credential is missing in the deployment.',
    action:
      'Read the member "code" of the response and the log line "deployment is wrong", and correct the deployment.',
  },
  unroutable: {
    cause: 'No queue on the broker receives this event.',
    action: 'Apply the topology to the broker; the client can send the request again later.',
  },
  refused: {
    cause: 'The consumer of a full queue is stopped or too slow.',
    action: 'Let the consumer catch up; the client can send the request again later.',
  },
  blocked: {
    cause: 'The broker is short of memory or disk.',
    action: 'Let the consumers catch up, or use a larger broker; the client can send the request again later.',
  },
  unconfirmed: {
    cause: 'The broker is overloaded, or the network lost the answer of the broker.',
    action: 'Send the request again with the same Idempotency-Key; the message is processed once.',
  },
  'broker-unavailable': {
    cause: 'The broker is restarting, the configured address or login is wrong, or the network blocks the connection.',
    action: 'Check the broker; the client can send the request again later.',
  },
  'store-unavailable': {
    cause: 'DynamoDB is unavailable or throttles requests.',
    action: 'Check DynamoDB; the client can send the request again later.',
  },
  'identity-unavailable': {
    cause: "The public keys of the tokens' issuer cannot be read.",
    action:
      'Check the issuer and the network between the function and the issuer; the client can send the request again later.',
  },
  overloaded: {
    cause: 'The process already handles the maximum number of requests.',
    action: 'Send the request again after the time in the header Retry-After.',
  },
  'deadline-exceeded': {
    cause: 'A dependency, such as the broker or DynamoDB, answered too slowly.',
    action: 'Send the request again with the same Idempotency-Key, and look for the slow dependency on the dashboard.',
  },
  'status-unavailable': {
    cause: 'The management API of the broker does not answer, or the setting MANAGEMENT_URL is missing.',
    action: 'Read the reason in the log of the function.',
  },
  'alarms-unavailable': {
    cause: 'CloudWatch does not answer, or the role of the function lacks the permission cloudwatch:DescribeAlarms.',
    action: 'Read the reason in the log of the function, or look at the alarms in the CloudWatch console.',
  },
  'not-ready': {
    cause: 'The broker or DynamoDB does not answer.',
    action: 'Read the response, which names the dependency that does not answer.',
  },
};
