import * as z from 'zod';

/** Why an operator changes something, for the audit. */
export const reason = z.string().trim().min(1).max(1_000);
