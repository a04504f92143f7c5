import type { ZodType } from 'zod';

import type { Shape } from './endpoint.ts';
import type { ProblemName } from './problems.ts';

/** A route with all that its document says: whatever verifies a request describes it too. */
export interface Route extends Shape<unknown, unknown, unknown> {
  /** As in `GET /orders/{id}`. */
  readonly route: string;
  readonly summary: string;
  /** The answers that are no problems, by status. */
  readonly answers: Readonly<Record<number, ZodType>>;
  /** Problems of its own, besides those that its access, its parts and its needs bring. */
  readonly problems?: readonly ProblemName[];
  readonly example: { readonly body?: unknown; readonly answer: unknown };
}
