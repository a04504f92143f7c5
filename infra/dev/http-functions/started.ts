/**
 * The line that the service under `npm start` prints when all of its plugins, including the local event source, have
 * started.
 */
export const STARTED = 'Functions and event sources started.';
