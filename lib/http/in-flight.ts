import { bulkhead, BulkheadRejectedError } from 'cockatiel';

import { Problem } from './problem.ts';

/** Does work side by side up to `limit`; what is more is refused at once, and never waits in memory. */
export function inFlight(limit: number): <T>(work: () => Promise<T>) => Promise<T> {
  const places = bulkhead(limit, 0);
  return async (work) => {
    try {
      return await places.execute(work);
    } catch (error) {
      if (!(error instanceof BulkheadRejectedError)) throw error;
      throw new Problem('overloaded', `${limit} requests are under way in this environment.`);
    }
  };
}
