import { dev } from './dev.ts';

/** The stages that can be deployed. */
export const stages = { dev };

/** The stage of `npm start`. */
export const local = dev;
