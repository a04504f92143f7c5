import { deadLetters } from './dead-letters.ts';

/** Continues the jobs that nobody works on any more, once a minute. */
export const handler = deadLetters.continueJobs();
