import type { AwsAccess } from '../aws/aws-api.ts';
import { customResource } from '../aws/custom-resource.ts';
import { removeEventSource, waitForFunctionInterfaces } from '../aws/removal.ts';
import type { Environment } from '../runtime/settings.ts';

/** The pause between two checks whether network interfaces still exist, in ms. */
const PAUSE_MS = 10_000;

/**
 * Creates the handler of the custom resources that CloudFormation removes together with an event source or with the
 * functions. The removal of such a resource waits until Lambda has deleted the network interfaces, because
 * CloudFormation can delete the network only afterwards. A custom resource with the property `EventSource` first deletes
 * the event source that the property names. A custom resource with the property `SecurityGroup` waits for the network
 * interfaces of the functions in that security group. CloudFormation deletes the functions' roles after the wait,
 * because Lambda needs the roles to delete the network interfaces. `environment` contains the credentials of the
 * function's role, usually in `process.env`.
 */
export const removeNetwork = (environment: Environment) =>
  customResource(({ EventSource: id, SecurityGroup: group }) => String(id ?? group), {
    apply: async () => {},
    async remove({ properties, signal }) {
      const { EventSource: id, SecurityGroup: group } = properties;
      const access = accessIn(environment);
      const waiting = { signal, pauseMs: PAUSE_MS };
      if (typeof id === 'string') return removeEventSource(access, id, waiting);
      if (typeof group === 'string') return waitForFunctionInterfaces(access, group, waiting);
      throw new Error('nothing to remove: the custom resource needs the property EventSource or SecurityGroup');
    },
  });

/** Reads the credentials of the function's role, which Lambda provides in environment variables. */
function accessIn({
  AWS_REGION: region = '',
  AWS_ACCESS_KEY_ID: accessKeyId = '',
  AWS_SECRET_ACCESS_KEY: secretAccessKey = '',
  AWS_SESSION_TOKEN: sessionToken,
}: Environment): AwsAccess {
  return { region, credentials: { accessKeyId, secretAccessKey, sessionToken } };
}
