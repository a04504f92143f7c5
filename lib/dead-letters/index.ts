export { createDeadLetters, type DeadLetters } from './dead-letters.ts';
export { type ArchiveReport } from './archive.ts';
export { type DeadLetter } from '../archive/dead-letter.ts';
