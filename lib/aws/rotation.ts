import {
  DescribeSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  ResourceExistsException,
  ResourceNotFoundException,
  UpdateSecretVersionStageCommand,
  type SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';

/** What Secrets Manager sends (https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_how.html). */
export interface RotationEvent {
  readonly Step: 'createSecret' | 'setSecret' | 'testSecret' | 'finishSecret';
  readonly SecretId: string;
  /** The id of the version that is to become the current one. */
  readonly ClientRequestToken: string;
}

/** How a kind of secret is rotated; each may run again after it ran. */
export interface RotationSteps {
  /** Makes the text that comes after `current`. */
  next(current: string): string;
  /** Makes it valid, without harm to what uses `current`. */
  set(pending: string, current: string): Promise<void>;
  /** Rejects where `pending` is not valid. */
  test(pending: string): Promise<void>;
}

/** Takes one step of a rotation. The current version stays valid from the first to the last. */
export async function rotate(
  client: SecretsManagerClient,
  { Step: step, SecretId, ClientRequestToken: token }: RotationEvent,
  steps: RotationSteps,
): Promise<void> {
  const { RotationEnabled, VersionIdsToStages = {} } = await client.send(new DescribeSecretCommand({ SecretId }));
  if (!RotationEnabled) throw new Error(`rotation is not enabled for ${SecretId}`);
  const labels = VersionIdsToStages[token] ?? [];
  // A step that comes again after the rotation was finished has nothing left to do.
  if (labels.includes('AWSCURRENT')) return;

  const readPending = () => read({ VersionId: token, VersionStage: 'AWSPENDING' });
  const pending = async () => {
    const text = await readPending();
    if (text === undefined) throw new Error(`${SecretId} has no pending version ${token}: createSecret comes first`);
    return text;
  };
  const current = async () => {
    const text = await read({ VersionStage: 'AWSCURRENT' });
    if (text === undefined) throw new Error(`${SecretId} has no current version`);
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
        // The same step, run twice at once, made it already.
        if (!(error instanceof ResourceExistsException)) throw error;
      }
      return;
    }
    case 'setSecret':
      return steps.set(await pending(), await current());
    case 'testSecret':
      // Also run by itself, to try a rotation that is switched on for later: then there may be nothing new to test.
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
      throw new Error(`unknown step "${String(step)}"`);
  }
}
