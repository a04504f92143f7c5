import {
  BrokenCircuitError,
  circuitBreaker,
  CircuitState,
  ConsecutiveBreaker,
  handleWhen,
  type CircuitBreakerPolicy,
} from 'cockatiel';

import { config } from '../runtime/config.ts';
import { PublishError, StoreUnavailableError } from '../runtime/errors.ts';
import { log } from '../runtime/log.ts';
import { counts } from '../runtime/metrics.ts';

/** A part that may be away. */
export type Part = 'broker' | 'store';

/** Which errors say that the part is away, and what is said while it is left alone. */
const parts = {
  broker: {
    isAway: (error: unknown) =>
      error instanceof PublishError && (error.code === 'BROKER_UNAVAILABLE' || error.code === 'UNCONFIRMED'),
    refusal: () => new PublishError('BROKER_UNAVAILABLE', 'the broker was away a moment ago, and is left alone'),
  },
  store: {
    isAway: (error: unknown) => error instanceof StoreUnavailableError,
    refusal: () => new StoreUnavailableError({ cause: new Error('it was away a moment ago, and is left alone') }),
  },
} as const;

const breakers = new Map<Part, CircuitBreakerPolicy>();
const openedAtMs = new Map<Part, number>();

function breakerOf(part: Part): CircuitBreakerPolicy {
  const known = breakers.get(part);
  if (known) return known;
  const { BREAKER_FAILURES, BREAKER_REST_MS } = config();
  const breaker = circuitBreaker(handleWhen(parts[part].isAway), {
    halfOpenAfter: BREAKER_REST_MS,
    breaker: new ConsecutiveBreaker(BREAKER_FAILURES),
  });
  breaker.onStateChange((state) => {
    if (state === CircuitState.Open) openedAtMs.set(part, Date.now());
    counts({ BreakerOpen: state === CircuitState.Closed ? 0 : 1 }, { part });
    log().warn('breaker', { part, breaker: nameOf(state) });
  });
  breakers.set(part, breaker);
  return breaker;
}

/** Throws what `guarded` would at once, so that nothing need be begun that cannot be finished. */
export function refuseWhileAway(part: Part): void {
  const { state } = breakerOf(part);
  const isResting = state === CircuitState.Open && Date.now() - (openedAtMs.get(part) ?? 0) < config().BREAKER_REST_MS;
  if (isResting || state === CircuitState.HalfOpen) throw parts[part].refusal();
}

/**
 * Does `work`, which needs `part`. After some failures in a row the part is left alone for a while, and work refused at
 * once; then one piece of work tries whether it is back, and no other waits for that.
 */
export async function guarded<T>(part: Part, work: () => Promise<T>): Promise<T> {
  const breaker = breakerOf(part);
  if (breaker.state === CircuitState.HalfOpen) throw parts[part].refusal();
  try {
    return await breaker.execute(work);
  } catch (error) {
    throw error instanceof BrokenCircuitError ? parts[part].refusal() : error;
  }
}

export type BreakerState = 'closed' | 'half-open' | 'open';

const nameOf = (state: CircuitState): BreakerState =>
  state === CircuitState.Closed ? 'closed' : state === CircuitState.HalfOpen ? 'half-open' : 'open';

/** How the breaker of a part stands in this environment. */
export const breakerState = (part: Part): BreakerState => nameOf(breakerOf(part).state);
