import { Problem } from '../command-line.ts';
import { withoutPassword } from '../settings.ts';
import { doesStoreAnswer } from './probe.ts';
import type { Store } from './store.ts';

/** Uses the DynamoDB at DYNAMODB_ENDPOINT if this DynamoDB responds. This process never kills or stops it. */
export async function useGivenStore(endpoint: string): Promise<Store> {
  const shown = withoutPassword(endpoint);
  if (!(await doesStoreAnswer(endpoint))) {
    throw new Problem(
      `no DynamoDB answers at DYNAMODB_ENDPOINT=${shown}; correct the setting, or unset it to have a DynamoDB started for you`,
    );
  }
  const cannotKill = async (): Promise<never> => {
    throw new Problem(
      `the DynamoDB at DYNAMODB_ENDPOINT=${shown} was not started by this command, which therefore cannot kill or restart it; unset DYNAMODB_ENDPOINT`,
    );
  };
  const describe = `DynamoDB at ${shown} (DYNAMODB_ENDPOINT)`;
  return {
    endpoint,
    describe,
    kill: cannotKill,
    restart: cannotKill,
    stop: async () => {},
    isExternal: true,
    onDeath: () => {},
  };
}
