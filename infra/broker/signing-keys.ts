import type { Resources } from '../packaging/template.ts';

/** Where the keys are that clients sign with. It begins empty; keys are put in by hand, and CloudFormation does not look at them again. */
export const signingKeys = (service: string, stageName: string): Resources => ({
  SigningKeys: {
    Type: 'AWS::SecretsManager::Secret',
    Properties: {
      Name: `${service}/${stageName}/signing-keys`,
      Description: 'Keys that clients sign with, as JSON: {"client": ["whsec_…"]}',
      SecretString: '{}',
    },
  },
});
