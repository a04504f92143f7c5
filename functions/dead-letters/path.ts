import * as z from 'zod';

/** `{id}` of a dead letter. */
export const path = z.object({ id: z.string().min(1).max(255) });
