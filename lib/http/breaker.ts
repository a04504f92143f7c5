import {
  BrokenCircuitError,
  circuitBreaker,
  CircuitState,
  ConsecutiveBreaker,
  handleWhen,
  type CircuitBreakerPolicy,
} from 'cockatiel';

import { isInstance, PublishError, StoreUnavailableError } from '../runtime/errors.ts';
import { log } from '../runtime/log.ts';
import { recordMetrics } from '../runtime/metrics.ts';
import type { Surehop } from '../runtime/surehop.ts';
import { httpSettings } from './settings.ts';

/** A service on which requests depend: RabbitMQ (`broker`) or DynamoDB (`store`). */
export type Dependency = 'broker' | 'store';

const OPEN = 'circuit breaker open';

const dependencies = {
  broker: {
    isFailure: (error: unknown) =>
      isInstance(error, PublishError) && (error.code === 'BROKER_UNAVAILABLE' || error.code === 'UNCONFIRMED'),
    refusal: () => new PublishError('BROKER_UNAVAILABLE', OPEN),
  },
  store: {
    isFailure: (error: unknown) => isInstance(error, StoreUnavailableError),
    refusal: () => new StoreUnavailableError({ cause: new Error(OPEN) }),
  },
} as const;

interface Breaker {
  readonly policy: CircuitBreakerPolicy;
  isRefusing(): boolean;
}

const breakers = (surehop: Surehop): Readonly<Record<Dependency, Breaker>> => ({
  broker: newBreaker(surehop, 'broker'),
  store: newBreaker(surehop, 'store'),
});

function newBreaker({ settings, clock }: Surehop, dependency: Dependency): Breaker {
  const { BREAKER_FAILURES, BREAKER_REST_MS } = settings(httpSettings);
  let openedAtMs = 0;
  const policy = circuitBreaker(handleWhen(dependencies[dependency].isFailure), {
    halfOpenAfter: BREAKER_REST_MS,
    breaker: new ConsecutiveBreaker(BREAKER_FAILURES),
  });
  policy.onStateChange((state) => {
    if (state === CircuitState.Open) openedAtMs = clock.now();
    recordMetrics({ BreakerOpen: state === CircuitState.Closed ? 0 : 1 }, { dependency });
    log().warn('a circuit breaker changed its state', { dependency, state: nameOf(state) });
  });
  const isRefusing = () =>
    policy.state === CircuitState.HalfOpen ||
    (policy.state === CircuitState.Open && clock.now() - openedAtMs < BREAKER_REST_MS);
  return { policy, isRefusing };
}

const breakerOf = (surehop: Surehop, dependency: Dependency): Breaker => surehop.shared(breakers)[dependency];

export function refuseIfOpen(surehop: Surehop, dependency: Dependency): void {
  if (breakerOf(surehop, dependency).isRefusing()) throw dependencies[dependency].refusal();
}

/**
 * Runs `work` behind the circuit breaker of a dependency. After several consecutive failures, requests fail immediately
 * for some seconds, instead of waiting for a timeout. Then a single request tries the dependency again.
 */
export async function guarded<T>(surehop: Surehop, dependency: Dependency, work: () => Promise<T>): Promise<T> {
  const { policy } = breakerOf(surehop, dependency);
  if (policy.state === CircuitState.HalfOpen) throw dependencies[dependency].refusal();
  try {
    return await policy.execute(work);
  } catch (error) {
    throw isInstance(error, BrokenCircuitError) ? dependencies[dependency].refusal() : error;
  }
}

export type BreakerState = 'closed' | 'half-open' | 'open';

const nameOf = (state: CircuitState): BreakerState =>
  state === CircuitState.Closed ? 'closed' : state === CircuitState.HalfOpen ? 'half-open' : 'open';

export const breakerState = (surehop: Surehop, dependency: Dependency): BreakerState =>
  nameOf(breakerOf(surehop, dependency).policy.state);
