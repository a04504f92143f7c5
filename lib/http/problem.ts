import {
  describeError,
  isInstance,
  MisconfiguredError,
  PublishError,
  StoreUnavailableError,
} from '../runtime/errors.ts';
import { problems, type ProblemKind, type ProblemName } from './problems.ts';

interface ProblemOptions extends ErrorOptions {
  readonly members?: Readonly<Record<string, unknown>>;
  /** The parameters that follow the authentication scheme in the response header `WWW-Authenticate`. */
  readonly challenge?: string;
}

/**
 * An error that becomes an HTTP error response (RFC 9457). `members` are added to the standard members of the response
 * body.
 */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly problem: ProblemName;
  readonly members: Readonly<Record<string, unknown>>;
  readonly challenge?: string;

  constructor(problem: ProblemName, detail: string, { members = {}, challenge, ...options }: ProblemOptions = {}) {
    super(detail, options);
    this.problem = problem;
    this.members = members;
    this.challenge = challenge;
  }

  get kind(): ProblemKind {
    return problems[this.problem];
  }
}

/** Converts any thrown value to a `Problem`. The response to the client contains no details of an unexpected error. */
export function problemOf(thrown: unknown): Problem {
  if (isInstance(thrown, Problem)) return thrown;
  if (isInstance(thrown, PublishError)) return publishProblem(thrown);
  if (isInstance(thrown, StoreUnavailableError))
    return new Problem('store-unavailable', 'DynamoDB is unavailable or throttling: send the request again.', {
      cause: thrown,
    });
  if (isInstance(thrown, MisconfiguredError))
    return new Problem(
      'misconfigured',
      'An alarm has notified the operators; do not retry until they have fixed the deployment.',
      { cause: thrown, members: { code: thrown.code } },
    );
  return new Problem('internal-error', 'The request failed; search the log for the request id in `instance`.', {
    cause: thrown,
  });
}

const publishProblems: Readonly<Record<string, ProblemName>> = {
  UNROUTABLE: 'unroutable',
  REFUSED: 'refused',
  BLOCKED: 'blocked',
  UNCONFIRMED: 'unconfirmed',
  BROKER_UNAVAILABLE: 'broker-unavailable',
};

function publishProblem(cause: PublishError): Problem {
  const { code, indeterminate } = cause;
  if (code === 'TOO_LARGE')
    return new Problem('body-too-large', 'The message is larger than the broker accepts.', { cause });
  if (code === 'UNWRITABLE')
    return new Problem('internal-error', 'AMQP cannot encode the message; the log has the reason.', { cause });
  const detail = indeterminate
    ? 'The message may have been accepted. Send the same request again, with the same Idempotency-Key if it had one; the message is processed once.'
    : 'The message was not accepted. Send the same request again, with the same Idempotency-Key if it had one.';
  return new Problem(publishProblems[code] ?? 'unconfirmed', detail, { cause, members: { indeterminate } });
}

export function describeProblem({ problem, message, cause }: Problem): Record<string, unknown> {
  if (cause === undefined) return { problem, detail: message };
  const { code, message: text } = describeError(cause);
  return { problem, reason: code, error: { message: text } };
}
