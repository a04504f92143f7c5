import { pascalCase, type Resource, type Resources } from '../template.ts';

/** The first user name of each broker role; rotation alternates between this name and its counterpart. */
const firstUsernames = {
  administrator: 'administrator',
  publisher: 'publisher-a',
  consumer: 'consumer-a',
  monitor: 'monitor-a',
} as const;

export type LoginRole = keyof typeof firstUsernames;

/** The roles whose logins rotate. The administrator's login is fixed, because only the broker's template can set it. */
export const rotatedRoles = ['publisher', 'consumer', 'monitor'] as const satisfies readonly LoginRole[];

/** The logical id of a login's secret. */
export const loginId = (role: LoginRole): string => `${pascalCase(role)}Login`;

/** One secret per role, with a generated password. */
export const logins = (service: string, stageName: string): Resources =>
  Object.fromEntries(
    Object.entries(firstUsernames).map(([role, username]): [string, Resource] => [
      loginId(role as LoginRole),
      {
        Type: 'AWS::SecretsManager::Secret',
        Properties: {
          Name: `${service}/${stageName}/broker/${role}`,
          Description: `Login of the broker's ${role}`,
          GenerateSecretString: {
            SecretStringTemplate: JSON.stringify({ username }),
            GenerateStringKey: 'password',
            PasswordLength: 40,
            // Amazon MQ rejects commas, colons and equals signs, and URLs require most punctuation to be encoded.
            ExcludePunctuation: true,
          },
        },
      },
    ]),
  );
