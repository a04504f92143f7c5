import { handler as archive } from '../../../functions/dead-letters/archive.ts';
import { deadLetterQueue } from '../../../infra/topology.ts';
import { batchSteps } from './sabotage.ts';

/**
 * The function of functions/dead-letters/archive.ts. A fault can kill the process of the function before or after each
 * batch.
 */
export const handler = batchSteps(deadLetterQueue, archive);
