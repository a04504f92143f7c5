import type { Serverless } from '../serverless.ts';
import type { Template } from '../template.ts';
import { refusals } from './refuse.ts';

/** The timeout of one request to CloudFormation, in ms. */
const REQUEST_TIMEOUT_MS = 30_000;

/**
 * Throws an error if the deployment would replace or delete a resource that holds data. This check reads the deployed template
 * and changes nothing.
 */
export async function refuseReplacement(serverless: Serverless): Promise<void> {
  const deployed = await deployedTemplate(serverless);
  if (!deployed) return;
  const reasons = refusals(deployed, serverless.service.provider.compiledCloudFormationTemplate);
  if (reasons.length > 0)
    throw new Error(`${reasons.join('; ')}. Nothing was changed; see "Changing a stage" in docs/deploy.md`);
}

async function deployedTemplate(serverless: Serverless): Promise<Template | undefined> {
  // The client is imported only for a deployment, because loading it takes longer than loading the rest of the plugin.
  const { CloudFormationClient, GetTemplateCommand } = await import('@aws-sdk/client-cloudformation');
  const aws = serverless.getProvider('aws');
  const client = new CloudFormationClient(await aws.getAwsSdkV3Config());
  const StackName = aws.naming.getStackName();
  try {
    const { TemplateBody = '{}' } = await client.send(
      new GetTemplateCommand({ StackName, TemplateStage: 'Original' }),
      {
        abortSignal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      },
    );
    return { Resources: {}, ...(JSON.parse(TemplateBody) as Partial<Template>) };
  } catch (error) {
    if (/does not exist/.test((error as Error).message)) return undefined;
    throw new Error(`cannot read the deployed template of the stack ${StackName}: ${(error as Error).message}`, {
      cause: error,
    });
  } finally {
    client.destroy();
  }
}
