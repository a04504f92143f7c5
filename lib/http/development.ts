/** The client and the signing key of the development stage. Both are public, so every other stage must refuse them. */
export const DEVELOPMENT_CLIENT = 'development';
export const DEVELOPMENT_SECRET = `whsec_${Buffer.from('for a laptop only, refused elsewhere').toString('base64')}`;

/** The issuer of operators' tokens in the development stage. */
export const DEVELOPMENT_ISSUER = 'urn:surehop:development-issuer';
export const DEVELOPMENT_AUDIENCE = 'surehop';
