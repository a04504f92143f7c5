import { deadLetters } from './dead-letters.ts';

/** Once a minute, continues each unfinished redrive or discard job that no process is working on. */
export const handler = deadLetters.continueJobs();
