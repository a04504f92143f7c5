import { pascalCase, type Resource, type Resources } from '../template.ts';

/** The broker's users, by what they may do, and the name that each has first: the half of a pair that rotation begins with. */
const firstUsernames = {
  administrator: 'administrator',
  publisher: 'publisher-a',
  consumer: 'consumer-a',
  monitor: 'monitor-a',
} as const;

export type LoginRole = keyof typeof firstUsernames;

/** The logins that alternate. The administrator's is the broker's own, which only its template may name. */
export const rotatedRoles = ['publisher', 'consumer', 'monitor'] as const satisfies readonly LoginRole[];

/** The logical id of a login's secret. */
export const loginId = (role: LoginRole): string => `${pascalCase(role)}Login`;

/** One secret per role, with a password that nobody has chosen or seen. */
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
            // Amazon MQ takes no comma, colon or equals sign, and a URL few signs as they are.
            ExcludePunctuation: true,
          },
        },
      },
    ]),
  );
