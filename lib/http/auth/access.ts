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
  /** Called once when the function starts; throws a `SettingsError` if a required setting is missing. */
  verifier(surehop: Surehop): Verify;
}

/** Returns the caller, or throws the problem that names the violated rule without helping an attacker. */
type Verify = (request: RequestFacts, body: Buffer | undefined) => Promise<Caller> | Caller;

/** The access of a public route, which needs no authentication. */
export const open: Access = { scheme: 'public', verifier: () => () => ({ client: 'public' }) };
