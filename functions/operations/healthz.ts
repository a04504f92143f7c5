import { ok } from '../../lib/http/answer.ts';
import { endpoint } from '../../lib/http/endpoint.ts';

/** GET /healthz: this function runs. Asks nothing of anyone. */
export const handler = endpoint({}, () => ok({ status: 'alive' }));
