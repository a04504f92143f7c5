import { defineSettings } from 'surehop';

/**
 * The settings of the service, in addition to those of Surehop. Each stage gives them values, and a function reads them with
 * `surehop.settings(settings)`.
 */
export const settings = defineSettings({});
