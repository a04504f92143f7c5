import * as z from 'zod';

export const path = z.object({ id: z.string().min(1).max(255) });
export const text = z.string().min(1).max(255);

/** Whether a request satisfies the rule that `reason` is required, except in a dry run. */
export const hasReason = ({ dryRun, reason }: { readonly dryRun: boolean; readonly reason?: string }): boolean =>
  dryRun || reason !== undefined;

export const reasonMissing = { path: ['reason'], message: 'is required unless dryRun is true' };

/**
 * The result of checking the body of a message against the schema of the event. `schema` is absent if the service does
 * not define the event.
 */
export const bodyCheck = {
  schema: z.strictObject({ type: z.string(), version: z.int() }).optional(),
  faults: z.array(z.strictObject({ path: z.string(), message: z.string() })),
};
