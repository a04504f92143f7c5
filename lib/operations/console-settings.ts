import { defineSettings, setting, word } from '../runtime/settings.ts';

/** The settings that the operators' console needs to log in operators through an OpenID provider. */
export const consoleSettings = defineSettings({
  CONSOLE_CLIENT_ID: word({
    description: "public client of the operators' console at the issuer of operators' tokens",
    example: '1h57kf5cpq17m0eml12EXAMPLE',
  }),
  CONSOLE_LOGIN_ORIGINS: setting((list) => (list.split(',').every(isHttpsOrigin) ? list : undefined), undefined, {
    description: "origins of the issuer's login and token endpoints, if they differ from the origin of the issuer",
    must: 'https origins without a path, separated by commas',
    example: 'https://shop-prod.auth.eu-central-1.amazoncognito.com',
  }),
});

function isHttpsOrigin(origin: string): boolean {
  return /^https:\/\/[^*;, ]+$/.test(origin) && URL.canParse(origin) && new URL(origin).origin === origin;
}
