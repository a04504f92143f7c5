import type { Surehop } from '../../runtime/surehop.ts';
import type { RequestFacts } from '../request.ts';

interface Caller {
  /** The name of the caller. Idempotency keys and audit records are kept separately for each caller. */
  readonly client: string;
}

/** Who may call a route, and how the callers are authenticated. The OpenAPI document contains `scheme` and `scopes`. */
export interface Access {
  readonly scheme: 'public' | 'signature' | 'operator';
  readonly scopes?: readonly string[];
  /**
   * Returns the function that authenticates the requests of a route. Called once when the Lambda function starts;
   * throws a `SettingsError` if a required setting is missing.
   */
  verifier(surehop: Surehop): Verify;
}

/**
 * Authenticates a request and returns the caller, or throws a problem. The problem contains no details that would help
 * an attacker.
 */
type Verify = (request: RequestFacts, body: Buffer | undefined) => Promise<Caller> | Caller;

/** The access rule of a public route: callers are not authenticated. */
export const open: Access = { scheme: 'public', verifier: () => () => ({ client: 'public' }) };
