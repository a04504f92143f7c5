import { defineSettings } from 'surehop';

/**
 * The settings of the service, in addition to those of Surehop. Each stage gives these settings values, and a function
 * reads the values with `surehop.settings(settings)`.
 */
export const settings = defineSettings({});
