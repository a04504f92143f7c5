import { open } from '../../lib/http/auth/access.ts';
import type { Route } from '../../lib/http/route.ts';
import { ready } from './answers.ts';

/** Who may ask for it, with what, and what is answered. */
export const route = {
  route: 'GET /readyz',
  summary: 'Broker and store answer, so that messages can be taken and finished.',
  access: open,
  answers: { 200: ready },
  problems: ['not-ready'],
  example: { answer: { status: 'ready', breakers: { broker: 'closed', store: 'closed' } } },
} satisfies Route;
