import { newMemory } from '../consumer/batch.ts';
import { Environment, type Ended, type Simulation } from './environment.ts';
import { dataText, linesText, stateText, withoutRandomIds } from './state-text.ts';
import { deliver, endDelay, returnBatch } from './world-broker.ts';
import { copyState, newState, type Snapshot } from './world-state.ts';

type Action = () => void;

/**
 * The execution environments of a simulation. The scheduler determines which actions are possible next, such as
 * delivering a batch to an idle environment, or letting a waiting call begin.
 */
export class Scheduler {
  readonly #simulation: Simulation;
  #environments: readonly Environment[];
  /** The environment that ran last. */
  #current: Environment | undefined;
  #created = 0;

  constructor(simulation: Simulation, from: Snapshot | undefined) {
    this.#simulation = simulation;
    const memories = from?.memories ?? Array.from({ length: simulation.environments }, newMemory);
    this.#environments = memories.map((memory) => this.#newEnvironment(structuredClone(memory)));
  }

  #newEnvironment(memory = newMemory()): Environment {
    this.#created += 1;
    const name = this.#simulation.isAlone ? '' : `environment ${this.#created}: `;
    return new Environment(this.#simulation, name, memory);
  }

  /**
   * Whether the code of an environment is running. An environment without an invocation, or with a call that waits to
   * begin, is not busy.
   */
  get isBusy(): boolean {
    return this.#environments.some((environment) => !environment.isIdle && !environment.isWaiting);
  }

  /** Whether all environments are idle, and no call waits to begin. */
  get isResting(): boolean {
    return this.#simulation.calls.length === 0 && this.#environments.every(({ isIdle }) => isIdle);
  }

  /** Returns the possible next actions of the simulation, starting with the usual one. */
  actions(): Action[] {
    const { calls, hasZombies, state } = this.#simulation;
    const waiting = [...new Set(calls.map(({ environment }) => environment))];
    const isCurrent = (environment: Environment) => Number(environment === this.#current);
    const [next, ...others] = waiting
      .toSorted((one, other) => isCurrent(other) - isCurrent(one))
      .map((environment) => () => {
        this.#current = environment;
        environment.continue();
      });
    const [starts = [], ...otherStarts] = this.#environments
      .filter(({ isIdle }) => isIdle)
      .map((environment) => this.#startsOf(environment));
    const switching = (actions: readonly Action[]) =>
      (state.left.switches > 0 ? actions : []).map((action) => () => {
        state.left.switches -= 1;
        action();
      });
    const { broker, left } = state;
    const delays = broker.delayed.length > 0 ? [() => endDelay(this.#simulation)] : [];
    if (!next) return [...starts, ...delays, ...switching(otherStarts.flat())];
    const zombies = hasZombies && left.faults > 0 ? this.#redeliveries() : [];
    return [next, ...switching([...others, ...starts, ...delays]), ...zombies];
  }

  #startsOf(environment: Environment): Action[] {
    const { hasWholeBatches, state } = this.#simulation;
    const { length } = state.queue;
    // The batch contains all messages, or only the first one.
    const sizes = state.isWhole || hasWholeBatches ? [length] : [length, 1];
    return sizes.slice(0, length).map((size) => () => {
      this.#current = environment;
      environment.start(deliver(state, size));
    });
  }

  /** Returns, for each batch that is being processed, the action that returns this batch to the queue. */
  #redeliveries(): Action[] {
    const { history, state } = this.#simulation;
    return this.#environments
      .filter(({ batch }) => batch.length > 0)
      .map((environment) => () => {
        state.left.faults -= 1;
        history?.step(`${environment.name}the batch returns to the queue while it is being processed`);
        returnBatch(this.#simulation, { is: 'crashed', batch: environment.releaseBatch() });
        this.#environments = [...this.#environments, this.#newEnvironment()];
      });
  }

  /** Acknowledges each batch whose invocation has ended, or returns it to the queue. */
  settle(): void {
    for (const environment of this.#environments) {
      const ended = environment.takeEnd();
      if (ended) this.#settle(environment, ended);
    }
  }

  #settle(environment: Environment, ended: Ended): void {
    const { choose, environments: count, history, state } = this.#simulation;
    const hasBatch = ended.batch.length > 0;
    // There is an extra environment for each batch that returned to the queue while it was being processed.
    const isExtra = !hasBatch && this.#environments.length > count;
    if (isExtra || ended.is === 'crashed') {
      const index = this.#environments.indexOf(environment);
      this.#environments = this.#environments.toSpliced(index, 1, ...(isExtra ? [] : [this.#newEnvironment()]));
    }
    if (!hasBatch) return;
    // An acknowledgement may be lost like any answer.
    const isLost = ended.is === 'returned' && state.left.faults > 0 && choose(2) === 1;
    if (isLost) {
      state.left.faults -= 1;
      history?.step(`${environment.name}the acknowledgement is lost`);
    }
    if (ended.is !== 'returned' || isLost) returnBatch(this.#simulation, ended);
  }

  /** Ends all processes. */
  kill(): void {
    for (const environment of this.#environments) environment.kill();
  }

  /** Returns the state of the simulation as text. Simulations with equal texts continue in the same way. */
  text(): string {
    return withoutRandomIds(
      linesText([
        stateText(this.#simulation.state),
        ...this.#environments.map((environment) =>
          // Which environment ran last makes no difference unless this environment can continue.
          linesText([String(environment === this.#current && environment.isWaiting), environment.text()]),
        ),
        dataText(this.#simulation.calls.map(({ environment }) => this.#environments.indexOf(environment))),
      ]),
    );
  }

  snapshot(): Snapshot {
    const copy = newState(this.#simulation);
    copyState(this.#simulation.state, copy);
    return {
      state: copy,
      memories: this.#environments.map(({ memory }) => structuredClone(memory)),
    };
  }
}
