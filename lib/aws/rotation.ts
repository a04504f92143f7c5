import {
  DescribeSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  ResourceExistsException,
  ResourceNotFoundException,
  UpdateSecretVersionStageCommand,
  type SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';

import { withSourcePositions } from '../runtime/stack.ts';

/**
 * The event that Secrets Manager sends to rotate a secret
 * (https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_how.html).
 */
export interface RotationEvent {
  readonly Step: 'createSecret' | 'setSecret' | 'testSecret' | 'finishSecret';
  readonly SecretId: string;
  /**
   * The id of the new version of the secret. The new version becomes the current version at the end of the rotation.
   */
  readonly ClientRequestToken: string;
}

/** The steps that rotate one kind of secret. Each step can be repeated safely. */
export interface RotationSteps {
  /** Returns the text of the new version of the secret. `current` is the text of the current version. */
  next(current: string): string;
  /**
   * Activates the new secret (`pending`), for example by setting its password on the broker. The secret in use
   * (`current`) must stay valid.
   */
  set(pending: string, current: string): Promise<void>;
  test(pending: string): Promise<void>;
}

/** Runs one step of a secret rotation. The current version of the secret stays valid throughout the rotation. */
export const rotate = (client: SecretsManagerClient, event: RotationEvent, steps: RotationSteps): Promise<void> =>
  withSourcePositions(() => runStep(client, event, steps));

async function runStep(
  client: SecretsManagerClient,
  { Step: step, SecretId, ClientRequestToken: token }: RotationEvent,
  steps: RotationSteps,
): Promise<void> {
  const { RotationEnabled, VersionIdsToStages = {} } = await client.send(new DescribeSecretCommand({ SecretId }));
  if (!RotationEnabled)
    throw new Error(`rotation is not enabled for the secret ${SecretId}: enable it in Secrets Manager`);
  const labels = VersionIdsToStages[token] ?? [];
  // The rotation is already finished, so a repeated step has nothing to do.
  if (labels.includes('AWSCURRENT')) return;

  const readPending = () => read({ VersionId: token, VersionStage: 'AWSPENDING' });
  const pending = async () => {
    const text = await readPending();
    if (text === undefined)
      throw new Error(
        `the secret ${SecretId} has no pending version ${token}: the rotation step createSecret must run first`,
      );
    return text;
  };
  const current = async () => {
    const text = await read({ VersionStage: 'AWSCURRENT' });
    if (text === undefined)
      throw new Error(`the secret ${SecretId} has no current version: store a value in it before the rotation`);
    return text;
  };
  async function read(version: { VersionId?: string; VersionStage: string }): Promise<string | undefined> {
    try {
      return (await client.send(new GetSecretValueCommand({ SecretId, ...version }))).SecretString;
    } catch (error) {
      if (error instanceof ResourceNotFoundException) return undefined;
      throw error;
    }
  }

  switch (step) {
    case 'createSecret': {
      if ((await readPending()) !== undefined) return;
      const SecretString = steps.next(await current());
      const VersionStages = ['AWSPENDING'];
      try {
        await client.send(
          new PutSecretValueCommand({ SecretId, ClientRequestToken: token, SecretString, VersionStages }),
        );
      } catch (error) {
        // A concurrent run of the same step created the version.
        if (!(error instanceof ResourceExistsException)) throw error;
      }
      return;
    }
    case 'setSecret':
      return steps.set(await pending(), await current());
    case 'testSecret':
      // Secrets Manager also runs this step alone when a rotation is switched on for later. There may be no pending version
      // then.
      return steps.test((await readPending()) ?? (await current()));
    case 'finishSecret': {
      await steps.test(await pending());
      const [now] = Object.entries(VersionIdsToStages).find(([, stages]) => stages.includes('AWSCURRENT')) ?? [];
      await client.send(
        new UpdateSecretVersionStageCommand({
          SecretId,
          VersionStage: 'AWSCURRENT',
          MoveToVersionId: token,
          RemoveFromVersionId: now,
        }),
      );
      return;
    }
    default:
      throw new Error(`Secrets Manager sent the unknown rotation step "${String(step)}"`);
  }
}
