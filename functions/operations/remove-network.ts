import { customResource, removeEventSource, waitForFunctionInterfaces, type AwsAccess, type Change } from 'surehop/aws';

/** The pause between two checks whether network interfaces still exist, in ms. */
const PAUSE_MS = 10_000;

/**
 * Handles the custom resources that CloudFormation removes together with an event source or with the functions. Each
 * removal waits until Lambda has deleted the network interfaces, because CloudFormation can delete the network only
 * afterwards.
 */
async function remove({ properties, signal }: Change): Promise<void> {
  const { EventSource: id, SecurityGroup: group } = properties;
  const access = accessOfProcess();
  const waiting = { signal, pauseMs: PAUSE_MS };
  if (typeof id === 'string') return removeEventSource(access, id, waiting);
  if (typeof group === 'string') return waitForFunctionInterfaces(access, group, waiting);
  throw new Error('nothing to remove: the custom resource needs the property EventSource or SecurityGroup');
}

export const handler = customResource(({ EventSource: id, SecurityGroup: group }) => String(id ?? group), {
  apply: async () => {},
  remove,
});

function accessOfProcess(): AwsAccess {
  const {
    AWS_REGION: region = '',
    AWS_ACCESS_KEY_ID: accessKeyId = '',
    AWS_SECRET_ACCESS_KEY: secretAccessKey = '',
    AWS_SESSION_TOKEN: sessionToken,
  } = process.env;
  return { region, credentials: { accessKeyId, secretAccessKey, sessionToken } };
}
