export {
  testConsumer,
  type Consumable,
  type ForeignMessage,
  type ReceiveOptions,
  type TestConsumer,
} from './test-consumer.ts';
export { type DeliveryOptions } from './memory-consumer.ts';
export { crashAfterEachStep } from './crash.ts';
export { Received, type Expected, type Fate, type PublishedEvent, type Settlement } from './received.ts';
export { ExpectationError } from './expectation-error.ts';
export {
  Counterexample,
  exhaust,
  type EndOfHistory,
  type Exhausted,
  type ExhaustOptions,
  type ParkedMessage,
} from './exhaust.ts';
export { type Given, type StoredItems } from './stored-items.ts';
