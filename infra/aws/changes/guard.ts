import type { Serverless } from '../serverless.ts';
import type { Template } from '../template.ts';
import { refusals } from './refuse.ts';

/** How long CloudFormation may take to say what is deployed, in ms. */
const ANSWER_WITHIN_MS = 30_000;

/** Refuses a deployment that would replace or delete what holds data; reads what is deployed and changes nothing. */
export async function refuseReplacement(serverless: Serverless): Promise<void> {
  const deployed = await deployedTemplate(serverless);
  if (!deployed) return;
  const reasons = refusals(deployed, serverless.service.provider.compiledCloudFormationTemplate);
  if (reasons.length > 0)
    throw new Error(`${reasons.join('; ')}. Nothing was changed; see "Changing a stage" in docs/deploy.md`);
}

/** The template that the stack was last deployed with, where there is a stack. */
async function deployedTemplate(serverless: Serverless): Promise<Template | undefined> {
  // Not loaded before a deployment: it takes longer than all the rest of this plugin.
  const { CloudFormationClient, GetTemplateCommand } = await import('@aws-sdk/client-cloudformation');
  const aws = serverless.getProvider('aws');
  const client = new CloudFormationClient(await aws.getAwsSdkV3Config());
  const StackName = aws.naming.getStackName();
  try {
    const { TemplateBody = '{}' } = await client.send(
      new GetTemplateCommand({ StackName, TemplateStage: 'Original' }),
      {
        abortSignal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      },
    );
    return { Resources: {}, ...(JSON.parse(TemplateBody) as Partial<Template>) };
  } catch (error) {
    if (/does not exist/.test((error as Error).message)) return undefined;
    throw new Error(`what is deployed as ${StackName} could not be read: ${(error as Error).message}`, {
      cause: error,
    });
  } finally {
    client.destroy();
  }
}
