import { createSurehop } from 'surehop';

/** Configures the toolkit for this service with the environment variables of the process. */
export const surehop = createSurehop({ environment: process.env });
