/** The counters of a message that has been neither retried nor redriven. */
export const firstAttempt = { redrives: 0, attempt: 1 } as const;
