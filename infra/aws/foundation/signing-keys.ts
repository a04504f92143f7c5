import type { Resources } from '../template.ts';

/**
 * The secret with the keys that clients sign with: empty at first, filled by hand, never read or changed by CloudFormation.
 * It stays when the stack goes, because CloudFormation deletes a secret at once and for ever, and nobody else has the keys.
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
