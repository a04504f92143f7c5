/** What a client can be told went wrong: status, title, and after how many seconds to come again where that helps. */
export interface ProblemKind {
  readonly status: number;
  readonly title: string;
  readonly retryAfterSeconds?: number;
}

/** Every problem that an answer may name; its `type` is `urn:surehop:problem:` and the name here, which never changes. */
export const problems = {
  'malformed-json': { status: 400, title: 'The body is not JSON in UTF-8.' },
  'invalid-body': { status: 400, title: 'The body does not have the fields that this request needs.' },
  'invalid-parameters': { status: 400, title: 'The path or the query is not as this request needs it.' },
  'missing-idempotency-key': { status: 400, title: 'The header Idempotency-Key is missing.' },
  'invalid-idempotency-key': { status: 400, title: 'The header Idempotency-Key cannot be used.' },
  'idempotency-key-mismatch': { status: 400, title: 'Idempotency-Key and webhook-id are not the same.' },
  'json-too-complex': { status: 400, title: 'The body has too many parts, or too deep ones.' },
  unsigned: { status: 401, title: 'The request is not signed.' },
  'malformed-signature': { status: 401, title: 'The signature cannot be read.' },
  'signature-expired': { status: 401, title: 'The signature is not of now.' },
  'wrong-signature': { status: 401, title: 'The signature is not one of a known key.' },
  'no-token': { status: 401, title: 'The request has no token.' },
  'invalid-token': { status: 401, title: 'The token is not valid here.' },
  'token-expired': { status: 401, title: 'The token has expired.' },
  'insufficient-scope': { status: 403, title: 'The token does not allow this.' },
  'not-found': { status: 404, title: 'There is nothing here by that name.' },
  'request-in-progress': {
    status: 409,
    title: 'A request with this Idempotency-Key is under way.',
    retryAfterSeconds: 1,
  },
  'already-discarded': { status: 409, title: 'The dead letter was discarded.' },
  'already-redriven': { status: 409, title: 'The dead letter was redriven already.' },
  'too-old': { status: 409, title: 'The message is older than the memory of what was done.' },
  'no-origin': { status: 409, title: 'Nothing tells which queue the message came from.' },
  'body-too-large': { status: 413, title: 'The body is too large.' },
  'unsupported-media-type': { status: 415, title: 'The body must be application/json.' },
  'idempotency-key-reused': { status: 422, title: 'The Idempotency-Key was used with another body.' },
  unwritable: { status: 422, title: 'The message cannot be written again as it was.' },
  'rate-limited': { status: 429, title: 'Too many requests.', retryAfterSeconds: 1 },
  'headers-too-large': { status: 431, title: 'The headers are too large.' },
  'internal-error': { status: 500, title: 'Something unforeseen went wrong.' },
  misconfigured: { status: 500, title: 'This service is not deployed as it should be.' },
  unroutable: { status: 503, title: 'No queue takes this message now.', retryAfterSeconds: 30 },
  refused: { status: 503, title: 'A queue that must take the message is full.', retryAfterSeconds: 10 },
  blocked: { status: 503, title: 'The message broker takes nothing now.', retryAfterSeconds: 10 },
  unconfirmed: { status: 503, title: 'The message broker did not answer in time.', retryAfterSeconds: 1 },
  'broker-unavailable': { status: 503, title: 'The message broker cannot be reached.', retryAfterSeconds: 5 },
  'store-unavailable': { status: 503, title: 'The store cannot be reached.', retryAfterSeconds: 5 },
  'identity-unavailable': { status: 503, title: 'Tokens cannot be verified now.', retryAfterSeconds: 5 },
  overloaded: { status: 503, title: 'Too many requests are under way here.', retryAfterSeconds: 1 },
  'deadline-exceeded': { status: 503, title: 'The request was not done in time.', retryAfterSeconds: 1 },
  'status-unavailable': { status: 503, title: "The broker's management API cannot be asked.", retryAfterSeconds: 10 },
  'not-ready': { status: 503, title: 'A part that this service needs is away.', retryAfterSeconds: 5 },
} as const satisfies Record<string, ProblemKind>;

export type ProblemName = keyof typeof problems;
