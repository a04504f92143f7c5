import type { Surehop } from '../../runtime/surehop.ts';
import type { RequestFacts } from '../request.ts';

interface Caller {
  /** Idempotency keys and audit records are per client. */
  readonly client: string;
}

/** Who may call a route, and how callers are authenticated. The OpenAPI document shows the scheme and the scopes. */
export interface Access {
  readonly scheme: 'public' | 'signature' | 'operator';
  readonly scopes?: readonly string[];
  /** Called once, when the function starts. Throws a `SettingsError` if settings that it needs are missing. */
  verifier(surehop: Surehop): Verify;
}

/** Verifies a request, or throws the problem that says which rule it breaks, without a hint that would help to forge one. */
type Verify = (request: RequestFacts, body: Buffer | undefined) => Promise<Caller> | Caller;

/** For routes that need no authentication. */
export const open: Access = { scheme: 'public', verifier: () => () => ({ client: 'public' }) };
