import { DEVELOPMENT_STAGE, stageSetting } from '../../runtime/service-settings.ts';
import {
  defineSettings,
  matching,
  oneOf,
  setting,
  settingFault,
  url,
  word,
  type Environment,
} from '../../runtime/settings.ts';
import { DEVELOPMENT_ISSUER } from '../development.ts';
import { parseSigningSecrets } from './signing-secrets.ts';

const signingExample = `{"shop": ["whsec_${Buffer.from('an example, not for real use').toString('base64')}"]}`;

export const signingSettings = defineSettings(
  {
    ...stageSetting,
    SIGNING_SECRETS: setting((secrets) => secrets, undefined, {
      description: 'signing keys of clients as JSON, for development',
      must: 'JSON like {"client": ["whsec_<24 to 64 bytes in base64>"]}',
      example: signingExample,
    }),
    SIGNING_SECRETS_ARN: word({
      description: 'Secrets Manager secret with the signing keys of clients',
      example: 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:signing-keys-a1b2c3',
    }),
  },
  ({ SIGNING_SECRETS: secrets, STAGE: stage = DEVELOPMENT_STAGE }: Environment) => {
    try {
      if (secrets !== undefined) parseSigningSecrets(secrets, stage);
      return [];
    } catch (error) {
      return [settingFault('SIGNING_SECRETS', (error as Error).message, signingExample, secrets)];
    }
  },
);

/**
 * The settings for operators' tokens: the issuer, the audience, and whether the function or API Gateway verifies the
 * tokens.
 */
export const tokenSettings = defineSettings(
  {
    ...stageSetting,
    JWT_ISSUER: word({ description: "issuer of operators' tokens", example: 'https://login.example.com' }),
    JWT_AUDIENCE: word({ description: "audience of operators' tokens", example: 'surehop' }),
    JWKS_URL: url(/^https?$/, {
      description: "the issuer's public keys, if they are not where its OpenID metadata says",
      must: 'a URL like https://login.example.com/.well-known/jwks.json',
      example: 'https://login.example.com/.well-known/jwks.json',
    }),
    JWT_VERIFIED_BY: setting(oneOf('function', 'gateway'), 'function', {
      description: 'who verifies tokens: the function, or only the authorizer of API Gateway',
      must: 'function or gateway',
      example: 'function',
    }),
    JWT_SCOPE_PREFIX: setting(matching(/^([A-Za-z0-9_.:-]{1,200}\/)?$/), '', {
      description: 'prefix of every scope in tokens',
      must: 'letters, digits and "_.:-" with "/" at the end',
      example: 'surehop/',
    }),
  },
  ({ JWT_ISSUER: issuer, STAGE: stage = DEVELOPMENT_STAGE }: Environment) =>
    issuer === DEVELOPMENT_ISSUER && stage !== DEVELOPMENT_STAGE
      ? [
          settingFault(
            'JWT_ISSUER',
            `tokens of the development issuer are accepted in the stage "${DEVELOPMENT_STAGE}" only`,
            'https://login.example.com',
          ),
        ]
      : [],
);
