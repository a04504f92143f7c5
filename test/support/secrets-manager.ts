import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Simulates AWS Secrets Manager, including the versions of a secret and their labels. */
export interface SecretsManager {
  create(name: string, text: string): string;
  /** Stores a text as the current version of the secret, which simulates a completed rotation. */
  replace(arn: string, text: string): void;
  current(arn: string): string;
  labels(arn: string): Readonly<Record<string, readonly string[]>>;
  /**
   * Creates an empty version of the secret with the label AWSPENDING, as Secrets Manager does before a rotation.
   * Returns the id of the version.
   */
  beginRotation(arn: string): string;
  readonly requests: readonly string[];
  stop(): Promise<void>;
}

interface Version {
  text?: string;
  readonly labels: Set<string>;
}

class Refusal extends Error {
  readonly type: string;

  constructor(type: string, message: string) {
    super(message);
    this.type = type;
  }
}

type Request = Readonly<Record<string, unknown>>;

/** Starts a simulated Secrets Manager, which the AWS SDK in this process then uses. */
export async function aSecretsManager(): Promise<SecretsManager> {
  const secrets = new Map<string, Map<string, Version>>();
  const requests: string[] = [];

  const versionsOf = (arn: string) => {
    const versions = secrets.get(arn);
    if (!versions) throw new Refusal('ResourceNotFoundException', "Secrets Manager can't find the specified secret.");
    return versions;
  };

  /** Moves a label to another version of the secret, and deletes all versions without a label. */
  function label(versions: Map<string, Version>, name: string, to: string): void {
    move(versions, name, to);
    for (const [id, { labels }] of versions) if (labels.size === 0) versions.delete(id);
  }

  function move(versions: Map<string, Version>, label: string, to: string): void {
    const from = [...versions].find(([, { labels }]) => labels.has(label))?.[0];
    if (from === to) return;
    if (label === 'AWSCURRENT' && from) move(versions, 'AWSPREVIOUS', from);
    if (from) versions.get(from)!.labels.delete(label);
    versions.get(to)!.labels.add(label);
  }

  const operations: Record<string, (request: Request) => unknown> = {
    DescribeSecret({ SecretId }) {
      const stages = [...versionsOf(String(SecretId))].map(([id, { labels }]) => [id, [...labels]]);
      return { ARN: SecretId, RotationEnabled: true, VersionIdsToStages: Object.fromEntries(stages) };
    },
    GetSecretValue({ SecretId, VersionId, VersionStage = VersionId ? undefined : 'AWSCURRENT' }) {
      const found = [...versionsOf(String(SecretId))].find(
        ([id, { labels, text }]) =>
          text !== undefined &&
          (VersionId === undefined || id === VersionId) &&
          (VersionStage === undefined || labels.has(VersionStage as string)),
      );
      if (!found)
        throw new Refusal('ResourceNotFoundException', "Secrets Manager can't find the specified secret value.");
      const [id, { text, labels }] = found;
      return { ARN: SecretId, VersionId: id, SecretString: text, VersionStages: [...labels] };
    },
    PutSecretValue({ SecretId, ClientRequestToken, SecretString, VersionStages = ['AWSCURRENT'] }) {
      const versions = versionsOf(String(SecretId));
      const id = String(ClientRequestToken);
      const there = versions.get(id);
      if (there?.text !== undefined && there.text !== SecretString)
        throw new Refusal('ResourceExistsException', 'A resource with the ID you requested already exists.');
      if (there) there.text = String(SecretString);
      else versions.set(id, { text: String(SecretString), labels: new Set() });
      for (const name of VersionStages as string[]) label(versions, name, id);
      return { ARN: SecretId, VersionId: id, VersionStages };
    },
    UpdateSecretVersionStage({ SecretId, VersionStage, MoveToVersionId, RemoveFromVersionId }) {
      const versions = versionsOf(String(SecretId));
      const name = String(VersionStage);
      const holder = [...versions].find(([, { labels }]) => labels.has(name))?.[0];
      if (!versions.has(String(MoveToVersionId)))
        throw new Refusal('ResourceNotFoundException', "Secrets Manager can't find the specified secret version.");
      if (holder !== undefined && holder !== RemoveFromVersionId)
        throw new Refusal('InvalidParameterException', `The staging label ${name} is attached to another version.`);
      label(versions, name, String(MoveToVersionId));
      return { ARN: SecretId };
    },
  };

  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const name = String(request.headers['x-amz-target']).replace('secretsmanager.', '');
      requests.push(name);
      const send = (status: number, body: unknown) =>
        response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(body));
      try {
        const operation = operations[name];
        if (!operation) throw new Refusal('UnknownOperationException', name);
        send(200, operation(JSON.parse(Buffer.concat(chunks).toString()) as Request));
      } catch (error) {
        const { type, message } = error instanceof Refusal ? error : new Refusal('InternalServiceError', String(error));
        send(400, { __type: type, message });
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  process.env['AWS_ENDPOINT_URL_SECRETS_MANAGER'] = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  return {
    create(name, text) {
      const arn = `arn:aws:secretsmanager:eu-central-1:000000000000:secret:${name}`;
      secrets.set(arn, new Map([[randomUUID(), { text, labels: new Set(['AWSCURRENT']) }]]));
      return arn;
    },
    replace(arn, SecretString) {
      operations['PutSecretValue']!({ SecretId: arn, ClientRequestToken: randomUUID(), SecretString });
    },
    current: (arn) => [...versionsOf(arn).values()].find(({ labels }) => labels.has('AWSCURRENT'))!.text!,
    labels: (arn) => Object.fromEntries([...versionsOf(arn)].map(([id, { labels }]) => [id, [...labels].toSorted()])),
    beginRotation(arn) {
      const token = randomUUID();
      const versions = versionsOf(arn);
      versions.set(token, { labels: new Set() });
      label(versions, 'AWSPENDING', token);
      return token;
    },
    requests,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
