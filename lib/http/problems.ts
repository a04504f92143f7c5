export interface ProblemKind {
  readonly status: number;
  readonly title: string;
  /**
   * After how many seconds the client should repeat a request that failed with this problem. Absent if a repetition
   * cannot help.
   */
  readonly retryAfterSeconds?: number;
}

/**
 * All problems that an HTTP response may contain. The `type` of a problem is a namespace followed by the problem's
 * name. The namespace is `urn:surehop:problem:` unless `createSurehop` sets another one. A name must never change.
 */
export const problems = {
  'malformed-json': { status: 400, title: 'The body is not JSON in UTF-8' },
  'invalid-body': { status: 400, title: 'Invalid body' },
  'invalid-parameters': { status: 400, title: 'Invalid path or query parameters' },
  'missing-idempotency-key': { status: 400, title: 'Idempotency-Key header missing' },
  'invalid-idempotency-key': { status: 400, title: 'Invalid Idempotency-Key header' },
  'idempotency-key-mismatch': { status: 400, title: 'Idempotency-Key and webhook-id differ' },
  'json-too-complex': { status: 400, title: 'The body has too many values or is nested too deeply' },
  unsigned: { status: 401, title: 'Signature missing' },
  'malformed-signature': { status: 401, title: 'Malformed signature headers' },
  'signature-expired': { status: 401, title: 'Timestamp outside the allowed window' },
  'wrong-signature': { status: 401, title: 'Invalid signature' },
  'no-token': { status: 401, title: 'Token missing' },
  'invalid-token': { status: 401, title: 'Invalid token' },
  'token-expired': { status: 401, title: 'Token expired' },
  'insufficient-scope': { status: 403, title: 'The token lacks the required scope' },
  'not-found': { status: 404, title: 'Not found' },
  'request-in-progress': {
    status: 409,
    title: 'A request with this Idempotency-Key is in progress',
    retryAfterSeconds: 1,
  },
  'already-discarded': { status: 409, title: 'The dead letter was already discarded' },
  'already-redriven': { status: 409, title: 'The dead letter was already redriven' },
  'already-superseded': { status: 409, title: 'The dead letter was already edited' },
  'already-processed': { status: 409, title: 'The message was already processed' },
  'being-processed': { status: 409, title: 'A consumer is processing the message', retryAfterSeconds: 10 },
  'unreadable-marker': { status: 409, title: 'The inbox marker of the message cannot be read' },
  'too-old': { status: 409, title: 'Older than the deduplication window' },
  'no-origin': { status: 409, title: 'The dead letter has no known queue' },
  'body-too-large': { status: 413, title: 'Body too large' },
  'unsupported-media-type': { status: 415, title: 'The body must be application/json' },
  'idempotency-key-reused': { status: 422, title: 'Idempotency-Key already used with a different body' },
  'invalid-message': { status: 422, title: 'The edited body does not match the schema of its event' },
  unwritable: { status: 422, title: 'The message cannot be encoded' },
  'headers-too-large': { status: 431, title: 'Headers too large' },
  'internal-error': { status: 500, title: 'Internal error' },
  misconfigured: { status: 500, title: 'The service is deployed incorrectly' },
  unroutable: { status: 503, title: 'No queue accepts this message', retryAfterSeconds: 30 },
  refused: { status: 503, title: 'The queue is full', retryAfterSeconds: 10 },
  blocked: { status: 503, title: 'The message broker is blocking publishers', retryAfterSeconds: 10 },
  unconfirmed: { status: 503, title: 'The message broker did not confirm in time', retryAfterSeconds: 1 },
  'broker-unavailable': { status: 503, title: 'Message broker unavailable', retryAfterSeconds: 5 },
  'store-unavailable': { status: 503, title: 'Database unavailable', retryAfterSeconds: 5 },
  'identity-unavailable': { status: 503, title: 'Tokens cannot be verified at the moment', retryAfterSeconds: 5 },
  overloaded: { status: 503, title: 'Too many concurrent requests', retryAfterSeconds: 1 },
  'deadline-exceeded': { status: 503, title: 'The request took too long', retryAfterSeconds: 1 },
  'status-unavailable': { status: 503, title: "The broker's management API is unavailable", retryAfterSeconds: 10 },
  'alarms-unavailable': { status: 503, title: 'The states of the alarms are unavailable', retryAfterSeconds: 10 },
  'not-ready': { status: 503, title: 'The service is not ready', retryAfterSeconds: 5 },
} as const satisfies Record<string, ProblemKind>;

export type ProblemName = keyof typeof problems;

/** The problems with which a route responds if the publishing of its event fails. */
export const publishProblems = [
  'unroutable',
  'refused',
  'blocked',
  'unconfirmed',
  'broker-unavailable',
] as const satisfies readonly ProblemName[];

/** The error responses that a route can return because its requests need an idempotency key. */
export const idempotencyKeyProblems = [
  'missing-idempotency-key',
  'invalid-idempotency-key',
  'idempotency-key-mismatch',
] as const satisfies readonly ProblemName[];
