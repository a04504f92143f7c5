import { handler as archive } from '../../../functions/dead-letters/archive.ts';
import { deadLetterQueue } from '../../../infra/topology.ts';
import { batchSteps } from './sabotage.ts';

/**
 * The service's function that archives dead letters. A fault can kill the process of this function before or after each
 * batch.
 */
export const handler = batchSteps(deadLetterQueue, archive);
