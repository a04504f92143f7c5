/** The client and signing key of the development stage. They are public, so that every other stage refuses them. */
export const DEVELOPMENT_CLIENT = 'development';
export const DEVELOPMENT_SECRET = `whsec_${Buffer.from('for a laptop only, refused elsewhere').toString('base64')}`;

/** The issuer of operators' tokens in the development stage. */
export const DEVELOPMENT_ISSUER = 'urn:surehop:development-issuer';
export const DEVELOPMENT_AUDIENCE = 'surehop';
