import { defineSettings, wholeNumber } from 'surehop';

/**
 * The settings of this service, in addition to those of the toolkit. Each stage file gives these settings values, and a
 * function reads the values with `surehop.settings(settings)`. Do not use these settings for secrets.
 */
export const settings = defineSettings({
  MAX_STOCK: wholeNumber(
    'largest number of items of a SKU that an operator can set as available',
    1_000_000_000,
    1,
    1_000_000_000,
  ),
});
