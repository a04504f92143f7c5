import { isDeepStrictEqual } from 'node:util';

import type { Effect } from '../dynamodb/effects.ts';
import type { Outcome } from '../message/outcome.ts';
import type { FollowUp } from '../inbox/decision.ts';
import { describeEffect, show } from './describe.ts';
import { ExpectationError } from './expectation-error.ts';

/**
 * How a consumer settles a message: acknowledges it, publishes a copy for a later attempt, dead-letters it, or returns
 * it to the queue.
 */
export type Settlement = 'acknowledged' | `delayed by ${string}` | 'dead-lettered' | 'returned';

/** An event that a consumer published because of a message. */
export interface PublishedEvent {
  readonly id: string;
  readonly type: string;
  readonly version: number;
  readonly data: unknown;
}

/** The fields of a received message that a test can compare. */
export interface Fate {
  /**
   * The outcome of the message, such as `completed` or `retry`. A consumer's Lambda handler reports the same outcomes
   * for a batch.
   */
  readonly outcome: Outcome['is'];
  /** Why the message was rejected, or the code of the error. */
  readonly reason?: string;
  /** The committed effects of the message, as the business rule returned them. */
  readonly effects: readonly Effect[];
  /**
   * The events that were published because of the message. An event that was published several times with the same id
   * is listed once.
   */
  readonly events: readonly PublishedEvent[];
  readonly settlement: Settlement;
}

/** What a test expects of a received message. Fields that are left out are not compared. */
export interface Expected {
  readonly outcome?: Fate['outcome'];
  readonly reason?: string;
  /** All effects that the consumer must commit for the message, in any order. */
  readonly effects?: readonly Effect[];
  /** All events that must be published because of the message, in any order. `emit(event, data)` creates an entry. */
  readonly events?: readonly FollowUp[];
  readonly settlement?: Settlement;
}

/** A message that an in-memory consumer has received, and what became of the message. */
export class Received implements Fate {
  readonly id: string;
  readonly attempt: number;
  readonly outcome: Fate['outcome'];
  readonly reason?: string;
  /** The text of the error, if the message failed. */
  readonly error?: string;
  readonly effects: readonly Effect[];
  readonly events: readonly PublishedEvent[];
  readonly settlement: Settlement;
  readonly #history: () => readonly string[];

  constructor(
    {
      id,
      attempt,
      outcome,
      reason,
      error,
      effects,
      events,
      settlement,
    }: Fate & {
      readonly id: string;
      readonly attempt: number;
      readonly error?: string;
    },
    history: () => readonly string[],
  ) {
    this.id = id;
    this.attempt = attempt;
    this.outcome = outcome;
    this.reason = reason;
    this.error = error;
    this.effects = effects;
    this.events = events;
    this.settlement = settlement;
    this.#history = history;
  }

  /**
   * Throws an error unless the message is as expected. The error explains every difference and lists the steps so far.
   */
  expect(expected: Expected): void {
    const differences = [
      ...this.#outcomeDifferences(expected),
      ...(expected.effects === undefined ? [] : effectDifferences(expected.effects, this.effects)),
      ...(expected.events === undefined ? [] : eventDifferences(expected.events, this.events)),
      ...(expected.settlement === undefined || expected.settlement === this.settlement
        ? []
        : [`expected the message to be ${expected.settlement}, but it was ${this.settlement}`]),
    ];
    if (differences.length === 0) return;
    throw new ExpectationError(
      `the message ${this.id} is not as expected`,
      differences,
      this.#history(),
      Received.prototype.expect,
    );
  }

  #outcomeDifferences({ outcome, reason }: Expected): string[] {
    const isOutcome = outcome === undefined || outcome === this.outcome;
    if (isOutcome && (reason === undefined || reason === this.reason)) return [];
    const error = this.error === undefined ? '' : `: ${this.error}`;
    const actual = named(this.outcome, this.reason) + error;
    return [`expected the outcome ${named(outcome ?? this.outcome, reason)}, but it was ${actual}`];
  }
}

const named = (outcome: string, reason: string | undefined) =>
  reason === undefined ? outcome : `${outcome} (${reason})`;

function missingFrom<T>(found: readonly T[], wanted: readonly T[]): T[] {
  const left = [...found];
  return wanted.filter((one) => {
    const index = left.findIndex((other) => isDeepStrictEqual(one, other));
    if (index >= 0) left.splice(index, 1);
    return index < 0;
  });
}

interface Text {
  readonly value: unknown;
  readonly text: string;
}

function listDifferences(what: string, expected: readonly Text[], actual: readonly Text[]): string[] {
  const textOf = (values: readonly unknown[], texts: readonly Text[]) =>
    values.map((value) => texts.find((one) => one.value === value)!.text);
  const [wanted, found] = [expected, actual].map((texts) => texts.map(({ value }) => value)) as [unknown[], unknown[]];
  const missing = textOf(missingFrom(found, wanted), expected);
  const surplus = textOf(missingFrom(wanted, found), actual);
  return [
    ...missing.map((text) => `expected ${what}, but it is missing: ${text}`),
    ...surplus.map((text) => `did not expect ${what}: ${text}`),
  ];
}

export const comparable = ({ table, ...effect }: Effect) => ({
  ...Object.fromEntries(Object.entries(effect).filter(([, value]) => value !== undefined)),
  table: table.name,
});

function effectDifferences(expected: readonly Effect[], actual: readonly Effect[]): string[] {
  const toText = (effect: Effect): Text => ({ value: comparable(effect), text: describeEffect(effect) });
  return listDifferences('the effect', expected.map(toText), actual.map(toText));
}

function eventDifferences(expected: readonly FollowUp[], actual: readonly PublishedEvent[]): string[] {
  const toText = (type: string, version: number, data: unknown): Text => {
    const json = JSON.parse(JSON.stringify(data)) as unknown;
    return { value: { type, version, data: json }, text: `${type} ${show(json)}` };
  };
  return listDifferences(
    'the event',
    expected.map(({ event, data }) => toText(event.type, event.version, data)),
    actual.map(({ type, version, data }) => toText(type, version, data)),
  );
}
