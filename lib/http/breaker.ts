import {
  BrokenCircuitError,
  circuitBreaker,
  CircuitState,
  ConsecutiveBreaker,
  handleWhen,
  type CircuitBreakerPolicy,
} from 'cockatiel';

import { PublishError, StoreUnavailableError } from '../runtime/errors.ts';
import { log } from '../runtime/log.ts';
import { counts } from '../runtime/metrics.ts';
import type { Surehop } from '../runtime/surehop.ts';
import { httpSettings } from './settings.ts';

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

interface Breaker {
  readonly policy: CircuitBreakerPolicy;
  /** Whether work would be refused. */
  isResting(): boolean;
}

/** The breakers of this process, one for each part. */
const breakers = (surehop: Surehop): Readonly<Record<Part, Breaker>> => ({
  broker: newBreaker(surehop, 'broker'),
  store: newBreaker(surehop, 'store'),
});

function newBreaker({ settings, clock }: Surehop, part: Part): Breaker {
  const { BREAKER_FAILURES, BREAKER_REST_MS } = settings(httpSettings);
  let openedAtMs = 0;
  const policy = circuitBreaker(handleWhen(parts[part].isAway), {
    halfOpenAfter: BREAKER_REST_MS,
    breaker: new ConsecutiveBreaker(BREAKER_FAILURES),
  });
  policy.onStateChange((state) => {
    if (state === CircuitState.Open) openedAtMs = clock.now();
    counts({ BreakerOpen: state === CircuitState.Closed ? 0 : 1 }, { part });
    log().warn('breaker', { part, breaker: nameOf(state) });
  });
  const isResting = () =>
    policy.state === CircuitState.HalfOpen ||
    (policy.state === CircuitState.Open && clock.now() - openedAtMs < BREAKER_REST_MS);
  return { policy, isResting };
}

const breakerOf = (surehop: Surehop, part: Part): Breaker => surehop.shared(breakers)[part];

/** Throws what `guarded` would at once, so that nothing need be begun that cannot be finished. */
export function refuseWhileAway(surehop: Surehop, part: Part): void {
  if (breakerOf(surehop, part).isResting()) throw parts[part].refusal();
}

/**
 * Does `work`, which needs `part`. After some failures in a row the part is left alone for a while, and work refused at
 * once; then one piece of work tries whether it is back, and no other waits for that.
 */
export async function guarded<T>(surehop: Surehop, part: Part, work: () => Promise<T>): Promise<T> {
  const { policy } = breakerOf(surehop, part);
  if (policy.state === CircuitState.HalfOpen) throw parts[part].refusal();
  try {
    return await policy.execute(work);
  } catch (error) {
    throw error instanceof BrokenCircuitError ? parts[part].refusal() : error;
  }
}

export type BreakerState = 'closed' | 'half-open' | 'open';

const nameOf = (state: CircuitState): BreakerState =>
  state === CircuitState.Closed ? 'closed' : state === CircuitState.HalfOpen ? 'half-open' : 'open';

/** How the breaker of a part stands in this environment. */
export const breakerState = (surehop: Surehop, part: Part): BreakerState =>
  nameOf(breakerOf(surehop, part).policy.state);
