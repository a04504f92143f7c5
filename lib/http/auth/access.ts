import type { RequestFacts } from '../request.ts';

/** Who a request turned out to be from. */
interface Caller {
  /** Keys and limits are per client. */
  readonly client: string;
}

/** Who may call a route, and how that is verified; the scheme and its scopes stand in the OpenAPI document. */
export interface Access {
  readonly scheme: 'public' | 'signature' | 'operator';
  readonly scopes?: readonly string[];
  /** Throws where settings that it needs are missing; called once, as the function starts. */
  checkSettings?(): void;
  /** Throws the problem that says which rule failed, and nothing of how near it came. */
  verify(request: RequestFacts, body: Buffer | undefined): Promise<Caller> | Caller;
}

/** Anybody may call. */
export const open: Access = { scheme: 'public', verify: () => ({ client: 'public' }) };
