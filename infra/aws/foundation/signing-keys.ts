import type { Resources } from '../template.ts';

/**
 * Returns the secret that contains the keys with which clients sign requests. An operator writes the keys;
 * CloudFormation neither reads nor changes them. The secret is kept when the stack is deleted.
 */
export const signingKeys = (service: string, stageName: string): Resources => ({
  SigningKeys: {
    Type: 'AWS::SecretsManager::Secret',
    DeletionPolicy: 'Retain',
    UpdateReplacePolicy: 'Retain',
    Properties: {
      Name: `${service}/${stageName}/signing-keys`,
      Description: 'Keys that clients sign with, as JSON: {"client": ["whsec_…"]}',
      SecretString: '{}',
    },
  },
});
