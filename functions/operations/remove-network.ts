import type { AwsAccess } from '../../lib/aws/aws-api.ts';
import { customResource, type Change } from '../../lib/aws/custom-resource.ts';
import { waitForFunctionInterfaces, removeEventSource } from '../../lib/aws/removal.ts';

/** Pause between two checks for remaining network interfaces, in ms. */
const PAUSE_MS = 10_000;

/**
 * Handles two kinds of custom resources that act only when they are removed. One belongs to an event source (`EventSource`):
 * it deletes the event source and waits until its network interfaces are deleted. The other belongs to the functions' security
 * group (`SecurityGroup`): it waits until the interfaces of the deleted functions are deleted. The functions' roles still exist
 * during both, because Lambda needs them to delete the interfaces; remaining interfaces would block deleting the network.
 */
async function remove({ properties, signal }: Change): Promise<void> {
  const { EventSource: id, SecurityGroup: group } = properties;
  const access = accessOfProcess();
  const waiting = { signal, pauseMs: PAUSE_MS };
  if (typeof id === 'string') return removeEventSource(access, id, waiting);
  if (typeof group === 'string') return waitForFunctionInterfaces(access, group, waiting);
  throw new Error('nothing to remove: set EventSource or SecurityGroup');
}

export const handler = customResource(({ EventSource: id, SecurityGroup: group }) => String(id ?? group), {
  apply: async () => {},
  remove,
});

/** The credentials of the function's role, which Lambda puts into the environment. */
function accessOfProcess(): AwsAccess {
  const {
    AWS_REGION: region = '',
    AWS_ACCESS_KEY_ID: accessKeyId = '',
    AWS_SECRET_ACCESS_KEY: secretAccessKey = '',
    AWS_SESSION_TOKEN: sessionToken,
  } = process.env;
  return { region, credentials: { accessKeyId, secretAccessKey, sessionToken } };
}
