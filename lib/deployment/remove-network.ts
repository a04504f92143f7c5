import { accessIn } from '../aws/aws-api.ts';
import { customResource } from '../aws/custom-resource.ts';
import { removeEventSource, waitForFunctionInterfaces } from '../aws/removal.ts';
import type { Environment } from '../runtime/settings.ts';

/** How long to wait before checking again whether network interfaces still exist, in ms. */
const PAUSE_MS = 10_000;

/**
 * Creates the handler of custom resources whose removal waits until Lambda has deleted the network interfaces of an
 * event source or of the functions. `environment` contains the credentials of the function's role, and is usually
 * `process.env`.
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
      throw new Error(
        'the custom resource names neither an event source nor a security group: add the property EventSource or SecurityGroup',
      );
    },
  });
