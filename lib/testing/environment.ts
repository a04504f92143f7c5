import type { Memory } from '../consumer/batch.ts';
import { createConsumer } from '../consumer/consumer.ts';
import type { Message } from '../events/message.ts';
import type { Clock } from '../runtime/clock.ts';
import type { PublishError } from '../runtime/errors.ts';
import { eventOf, type QueuedCopy } from './event.ts';
import { gatedDependencies, INVOCATION_MS, memorySettings, type Call, type Gate } from './gated-dependencies.ts';
import { describeCall, describeResult } from './history.ts';
import { idOf } from './memory-broker.ts';
import { aroundRules, CrashedError, recorded, type Around } from './rules.ts';
import { copyText, dataText, linesText } from './state-text.ts';
import type { Choose, CompleteOptions } from './world-options.ts';
import type { WorldState } from './world-state.ts';

/** The options and the state that all execution environments of one simulation share. */
export interface Simulation extends CompleteOptions {
  readonly state: WorldState;
  readonly clock: Clock;
  readonly choose: Choose;
  readonly publish: (message: Message) => PublishError | undefined;
  /**
   * Whether the simulation has only one execution environment. If so, calls begin immediately; otherwise, they wait
   * until the scheduler lets them begin.
   */
  readonly isAlone: boolean;
  /** The calls to the store or the broker that have not begun yet, oldest first. */
  readonly calls: { readonly environment: Environment; readonly begin: () => void }[];
}

/**
 * How an invocation of a process ended, and the batch that it processed. The batch is empty if the process crashed
 * without a batch, or if the batch had already returned to the queue.
 */
export interface Ended {
  readonly is: 'returned' | 'thrown' | 'crashed';
  readonly batch: readonly QueuedCopy[];
}

type Progress = { readonly is: 'idle' } | { readonly is: 'running'; readonly batch: readonly QueuedCopy[] } | Ended;

const READS = /\.(find|read)$/;
const settings = memorySettings({ BATCH_CONCURRENCY: '1', MESSAGE_TIME_LIMIT_MS: '1000' });

// A read has no effect. Therefore, it makes no difference whether a crash or a failure is before or after the read.
const readFates = ['succeeds', 'crashes before', 'fails'] as const;
const fates = [...readFates, 'crashes after', 'loses its answer'] as const;

/** A simulated execution environment: one process that runs the consumer, for one batch after another. */
export class Environment {
  readonly name: string;
  readonly memory: Memory;
  readonly #simulation: Simulation;
  readonly #handler: ReturnType<typeof createConsumer>;
  #progress: Progress = { is: 'idle' };
  /**
   * Everything that determines how the process continues with a batch: its memory at the start of the batch, the
   * messages of the batch, and the result of each call to the store or broker.
   */
  #learned: string[] = [];

  constructor(simulation: Simulation, name: string, memory: Memory) {
    this.name = name;
    this.memory = memory;
    this.#simulation = simulation;
    const { definition, state, clock, publish: take } = simulation;
    const dependencies = gatedDependencies({ store: state.store, clock, settings, take }, this.#gate);
    this.#handler = createConsumer(aroundRules(definition, this.#aroundRule), dependencies, memory);
  }

  get isIdle(): boolean {
    return this.#progress.is === 'idle';
  }

  /**
   * Whether a call of the process to the store or the broker has not begun yet. Such calls are possible even after the
   * process has returned the result of its batch.
   */
  get isWaiting(): boolean {
    return this.#simulation.calls.some(({ environment }) => environment === this);
  }

  /**
   * The batch that was delivered to the process. Empty if the process is idle, or if the batch has already returned to
   * the queue.
   */
  get batch(): readonly QueuedCopy[] {
    return this.#progress.is === 'idle' ? [] : this.#progress.batch;
  }

  start(batch: readonly QueuedCopy[]): void {
    const { definition, history } = this.#simulation;
    this.#progress = { is: 'running', batch };
    const again = batch.some(({ deliveries }) => deliveries > 0) ? ' again' : '';
    history?.step(`${this.name}deliver ${batch.map(({ message }) => idOf(message)).join(', ')}${again}`);
    if (!this.isWaiting) this.#learned = [];
    this.#learn(this.memory, batch.map(copyText));
    // The remaining time does not follow the simulated clock: at the end of its time, the consumer stops waiting for a
    // call after a real timer, and the same choices would no longer lead to the same run.
    const context = { getRemainingTimeInMillis: () => INVOCATION_MS };
    void this.#handler(eventOf(batch, definition.queue), context).then(
      () => this.#end('returned'),
      () => this.#end('thrown'),
    );
  }

  /** Begins the oldest waiting call of this process to the store or the broker. */
  continue(): void {
    const { calls } = this.#simulation;
    const index = calls.findIndex(({ environment }) => environment === this);
    calls.splice(index, 1)[0]!.begin();
  }

  /**
   * Takes the batch from the process and returns it, so that it can be delivered again. The process continues to
   * process it.
   */
  releaseBatch(): readonly QueuedCopy[] {
    const { batch } = this;
    this.#progress = { is: 'running', batch: [] };
    return batch;
  }

  /**
   * Returns how the invocation ended, or `undefined` if no invocation has ended. Makes the process idle, unless the
   * process crashed.
   */
  takeEnd(): Ended | undefined {
    const progress = this.#progress;
    if (progress.is === 'idle' || progress.is === 'running') return undefined;
    if (progress.is !== 'crashed') this.#progress = { is: 'idle' };
    return progress;
  }

  /** Crashes the simulated process. Each of its waiting and later calls throws an error. */
  kill(): void {
    this.#progress = { is: 'crashed', batch: this.batch };
    while (this.isWaiting) this.continue();
  }

  /** Returns the state of the environment as text. Environments with equal texts continue in the same way. */
  text(): string {
    return linesText([
      this.#progress.is,
      this.isIdle && !this.isWaiting ? dataText(this.memory) : linesText(this.#learned),
      linesText(this.batch.map(copyText)),
    ]);
  }

  #end(is: Ended['is']): void {
    // The code of a process that has crashed ends too, but later.
    if (this.#progress.is === 'running') this.#progress = { is, batch: this.batch };
  }

  #crash(): CrashedError {
    this.#simulation.history?.step(`${this.name}the process crashes`);
    this.kill();
    return new CrashedError();
  }

  #failIfCrashed(): void {
    if (this.#progress.is === 'crashed') throw new CrashedError();
  }

  #learn(...what: readonly unknown[]): void {
    const { clock, isAlone, isExplored } = this.#simulation;
    // A single environment is asked for its state only between two batches.
    if (isExplored && !isAlone) this.#learned.push(dataText([clock.now(), ...what]));
  }

  readonly #gate: Gate = async (call, run, fail) => {
    const { afterStep, calls, definition, history, isAlone, state } = this.#simulation;
    this.#failIfCrashed();
    if (!isAlone) await new Promise<void>((begin) => calls.push({ environment: this, begin }));
    this.#failIfCrashed();
    const fate = this.#chooseFate(call);
    const text = () => this.name + describeCall(call, definition.queue);
    if (fate === 'crashes before') {
      history?.step(`${text()}: the process crashes before this step`);
      throw this.#crash();
    }
    if (fate === 'fails') {
      history?.step(`${text()}: this step fails and has no effect`);
      this.#learn(call, 'failed');
      return fail();
    }
    const earlier = state.store.commits.length;
    history?.step(text());
    const result = await run();
    history?.detail(...describeResult(call, result, state.store, earlier));
    afterStep(state.store);
    if (fate === 'crashes after') throw this.#crash();
    if (fate === 'loses its answer') {
      history?.detail('the answer is lost');
      this.#learn(call, 'failed');
      return fail();
    }
    this.#learn(call, result);
    return result;
  };

  #chooseFate({ to }: Call): (typeof fates)[number] {
    const { choose, state } = this.#simulation;
    // Recording the progress of the queue changes nothing for a message, whether it succeeds or fails.
    if (state.left.faults === 0 || to === 'progress.record') return 'succeeds';
    const possible = READS.test(to) ? readFates : fates;
    const fate = possible[choose(possible.length)]!;
    if (fate !== 'succeeds') state.left.faults -= 1;
    return fate;
  }

  readonly #aroundRule: Around = (run, about) => {
    const { around, choose, history } = this.#simulation;
    const { id, attempt } = about.context;
    this.#failIfCrashed();
    history?.step(`${this.name}run the rule for ${id} (attempt ${attempt})`);
    const rule = () =>
      around(run, {
        ...about,
        crash: () => Promise.reject(this.#crash()),
        choose: (ways) => {
          const way = choose(ways);
          this.#learn('rule', id, way);
          return way;
        },
      });
    return history ? recorded(rule, history) : rule();
  };
}
