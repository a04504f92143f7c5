/** The line that the plugin prints when all plugins of the service, including the local event source, have started. */
export const STARTED = 'Functions and event sources started.';
