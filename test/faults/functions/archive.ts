import { handler as archive } from '../../../functions/dead-letters/archive.ts';
import { deadLetterQueue } from '../../../infra/topology.ts';
import { batchSteps } from './sabotage.ts';

/** The archive of functions/dead-letters/archive.ts, open to sabotage. */
export const handler = batchSteps(deadLetterQueue, archive);
