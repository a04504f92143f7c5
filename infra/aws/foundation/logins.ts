import { pascalCase, type Resource, type Resources } from '../template.ts';

/**
 * The user name of each broker role's first login. A rotation switches to the second user of the role, for example from
 * `publisher-a` to `publisher-b`.
 */
const firstUsernames = {
  administrator: 'administrator',
  publisher: 'publisher-a',
  consumer: 'consumer-a',
  monitor: 'monitor-a',
} as const;

export type LoginRole = keyof typeof firstUsernames;

/**
 * The broker roles whose logins are rotated. The administrator's login is not rotated, because Amazon MQ accepts a new
 * administrator password only through the CloudFormation template of the broker.
 */
export const rotatedRoles = ['publisher', 'consumer', 'monitor'] as const satisfies readonly LoginRole[];

/** Returns the logical id of the secret that contains the login of a broker role. */
export const loginId = (role: LoginRole): string => `${pascalCase(role)}Login`;

/** Returns one secret for each broker role, with a user name and a generated password. */
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
            // The password has no punctuation: Amazon MQ rejects commas, colons and equals signs, and most other characters must
            // be encoded in URLs.
            ExcludePunctuation: true,
          },
        },
      },
    ]),
  );
