/** Who signs on a laptop, and with which key. Known to everybody: both are refused in any other stage. */
export const DEVELOPMENT_CLIENT = 'development';
export const DEVELOPMENT_SECRET = `whsec_${Buffer.from('for a laptop only, refused elsewhere').toString('base64')}`;

/** Who issues operators' tokens on a laptop. */
export const DEVELOPMENT_ISSUER = 'urn:surehop:development-issuer';
export const DEVELOPMENT_AUDIENCE = 'surehop';
