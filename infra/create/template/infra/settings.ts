import { defineSettings } from 'surehop';

/**
 * The service's own settings, in addition to those of Surehop. Each stage assigns a value to each setting. Functions
 * read the values with `surehop.settings(settings)`.
 */
export const settings = defineSettings({});
