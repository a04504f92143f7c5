import type { Resources } from '../template.ts';

/**
 * The secret with the keys that clients sign with. An operator fills the secret; CloudFormation neither reads nor changes it. The
 * secret is retained when the stack is deleted, because CloudFormation deletes secrets without a recovery period.
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
