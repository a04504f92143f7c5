import type { AwsAccess } from '../../lib/aws/aws-api.ts';
import { customResource, type Change } from '../../lib/aws/custom-resource.ts';
import { functionsLeft, removeEventSource } from '../../lib/aws/removal.ts';

const PAUSE_MS = 10_000;

/**
 * Two kinds of custom resources, which do nothing until they are removed. One stands for an event source (`EventSource`): it
 * deletes it and waits for its network interfaces. One stands for the functions' security group (`SecurityGroup`): it waits
 * for the interfaces of the functions, which are gone by then. In both cases the roles are still there, which Lambda deletes
 * the interfaces with; without them interfaces would stay for ever, and keep the network from being deleted.
 */
async function remove({ properties, signal }: Change): Promise<void> {
  const { EventSource: id, SecurityGroup: group } = properties;
  const access = accessOfProcess();
  const waiting = { signal, pauseMs: PAUSE_MS };
  if (typeof id === 'string') return removeEventSource(access, id, waiting);
  if (typeof group === 'string') return functionsLeft(access, group, waiting);
  throw new Error('nothing to remove: set EventSource or SecurityGroup');
}

export const handler = customResource(({ EventSource: id, SecurityGroup: group }) => String(id ?? group), {
  apply: async () => {},
  remove,
});

/** Lambda puts the credentials of the function's role into its environment. */
function accessOfProcess(): AwsAccess {
  const {
    AWS_REGION: region = '',
    AWS_ACCESS_KEY_ID: accessKeyId = '',
    AWS_SECRET_ACCESS_KEY: secretAccessKey = '',
    AWS_SESSION_TOKEN: sessionToken,
  } = process.env;
  return { region, credentials: { accessKeyId, secretAccessKey, sessionToken } };
}
