/** Where every message begins. */
export const firstAttempt = { redrives: 0, attempt: 1 } as const;
