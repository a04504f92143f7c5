export { createDeadLetters } from './dead-letters.ts';
export { type DeadLetter } from './dead-letter.ts';
