import { defineSettings, wholeNumber } from 'surehop';

/**
 * The settings that this service defines in addition to the settings of the toolkit. Each stage file sets them, every
 * function gets them as environment variables, and a function reads them with `surehop.settings(settings)`. Settings
 * are not secret.
 */
export const settings = defineSettings({
  MAX_STOCK: wholeNumber(
    'largest number of items of a SKU that an operator can set as available',
    1_000_000_000,
    1,
    1_000_000_000,
  ),
});
