export { createDeadLetters, type DeadLetters } from './dead-letters.ts';
export { editDeadLetter } from './edit-dead-letter.ts';
export { getDeadLetter } from './get-dead-letter.ts';
export { type ArchiveReport } from './archive.ts';
export { type DeadLetter } from '../archive/dead-letter.ts';
