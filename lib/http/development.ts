/**
 * The client name and the signing key for signed requests to the development stage. The key is public, and therefore
 * every other stage must reject it.
 */
export const DEVELOPMENT_CLIENT = 'development';
export const DEVELOPMENT_SECRET = 'whsec_Zm9yIGEgbGFwdG9wIG9ubHksIHJlZnVzZWQgZWxzZXdoZXJl';

/** The issuer of operators' tokens in the development stage. */
export const DEVELOPMENT_ISSUER = 'urn:surehop:development-issuer';
export const DEVELOPMENT_AUDIENCE = 'surehop';
