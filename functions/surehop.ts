import { createSurehop } from '../lib/runtime/surehop.ts';

/** Configures the toolkit for this service with the environment variables of the process. */
export const surehop = createSurehop({ environment: process.env });
