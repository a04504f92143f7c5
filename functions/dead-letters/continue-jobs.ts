import { deadLetters } from './dead-letters.ts';

/** Once a minute, continues the redrive and discard jobs that no other process is working on. */
export const { continueJobs: handler } = deadLetters;
