/** The line that the plugin prints after every plugin of the service has started, the local event source included. */
export const STARTED = 'Functions and event sources started.';
