export { parseSigningSecrets } from './http/auth/signing-secrets.ts';
export {
  DEVELOPMENT_AUDIENCE,
  DEVELOPMENT_CLIENT,
  DEVELOPMENT_ISSUER,
  DEVELOPMENT_SECRET,
} from './http/development.ts';
export { DEVELOPMENT_STAGE } from './runtime/service-settings.ts';
export { shownValue } from './runtime/settings.ts';
