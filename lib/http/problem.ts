import { describeError, MisconfiguredError, PublishError, StoreUnavailableError } from '../runtime/errors.ts';
import { problems, type ProblemKind, type ProblemName } from './problems.ts';

interface ProblemOptions extends ErrorOptions {
  readonly members?: Readonly<Record<string, unknown>>;
  /** What the answer's header WWW-Authenticate says besides the type. */
  readonly challenge?: string;
}

/** Thrown where a request is answered with an error. `members` stand beside the standard ones of RFC 9457. */
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

/** What a client is told of whatever was thrown; nothing of an unforeseen error gets out. */
export function problemOf(thrown: unknown): Problem {
  if (thrown instanceof Problem) return thrown;
  if (thrown instanceof PublishError) return publishProblem(thrown);
  if (thrown instanceof StoreUnavailableError)
    return new Problem('store-unavailable', 'The store cannot be reached, or is overloaded: send the request again.', {
      cause: thrown,
    });
  if (thrown instanceof MisconfiguredError)
    return new Problem('misconfigured', 'Its operators are told; sending the request again does not help until then.', {
      cause: thrown,
      members: { code: thrown.code },
    });
  return new Problem('internal-error', 'The request failed; its instance stands in the log with the reason.', {
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
    return new Problem('body-too-large', 'The message is larger than the broker takes.', { cause });
  if (code === 'UNWRITABLE')
    return new Problem('internal-error', 'The message cannot be sent as it is; the log has the reason.', { cause });
  const detail = indeterminate
    ? 'The message may or may not have been taken. Send the same request again, with the same Idempotency-Key where it had one: it is done once.'
    : 'The message was not taken. Send the same request again, with the same Idempotency-Key where it had one.';
  return new Problem(publishProblems[code] ?? 'unconfirmed', detail, { cause, members: { indeterminate } });
}

/** What the log says of a failed request, the reason behind it included. */
export function describeProblem({ problem, message, cause }: Problem): Record<string, unknown> {
  if (cause === undefined) return { problem, detail: message };
  return { problem, because: describeError(cause) };
}
