import { deadLetters } from './dead-letters.ts';

/** Stores every message of the dead-letter queue in the archive. */
export const { archive: handler } = deadLetters;
